// The SQL editor: completion from the catalogue, the refused part underlined with the way out, Ctrl+Enter to ask.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { sql as sqlLanguage, StandardSQL } from "@codemirror/lang-sql";
import { bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { Compartment, EditorState } from "@codemirror/state";
import { drawSelection, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { type ReactNode, type Ref, useEffect, useImperativeHandle, useRef } from "react";
import type { Catalog, Problem } from "../api/types";
import { colours } from "./colours";
import { completions } from "./completion";
import { diagnosticOf } from "./diagnostic";

export interface EditorHandle {
  insert(text: string): void;
}

const look = EditorView.theme({
  "&": { fontSize: "14px", minHeight: "9rem" },
  ".cm-content": { fontFamily: "var(--mantine-font-family-monospace)", padding: "8px 0", caretColor: "var(--mantine-color-text)" },
  ".cm-gutters": { background: "transparent", border: "none", color: "var(--mantine-color-dimmed)" },
  "&.cm-focused": { outline: "none" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": { background: "var(--sql-selection)" },
  ".cm-cursor": { borderLeftColor: "var(--mantine-color-text)" },
  ".cm-tooltip": { background: "var(--mantine-color-body)", border: "1px solid var(--mantine-color-default-border)", color: "var(--mantine-color-text)" },
});

export function SqlEditor(props: {
  value: string;
  change: (text: string) => void;
  catalog: Catalog;
  problem: Problem | undefined;
  run: () => void;
  ref: Ref<EditorHandle>;
}): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const language = useRef(new Compartment());
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    if (!host.current) return;
    const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
    const editor = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          EditorView.cspNonce.of(nonce),
          lineNumbers(), history(), drawSelection(), bracketMatching(), closeBrackets(), lintGutter(),
          syntaxHighlighting(colours),
          autocompletion(),
          language.current.of([]),
          keymap.of([
            { key: "Mod-Enter", run: () => { latest.current.run(); return true; } },
            ...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap,
          ]),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": "SQL" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.change(update.state.doc.toString());
          }),
          look,
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
  }, []);

  useEffect(() => {
    view.current?.dispatch({
      effects: language.current.reconfigure([
        sqlLanguage({ dialect: StandardSQL, upperCaseKeywords: true, schema: completions(props.catalog) }),
      ]),
    });
  }, [props.catalog]);

  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const found = props.problem && diagnosticOf(props.problem, editor.state.doc, (text) => {
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } });
    });
    editor.dispatch(setDiagnostics(editor.state, found ? [found] : []));
  }, [props.problem]);

  useImperativeHandle(props.ref, () => ({
    insert(text) {
      const editor = view.current;
      if (!editor) return;
      const { from, to } = editor.state.selection.main;
      const before = editor.state.sliceDoc(Math.max(0, from - 1), from);
      const insert = before === "" || /[\s(.,]/.test(before) ? text : ` ${text}`;
      editor.dispatch({ changes: { from, to, insert }, selection: { anchor: from + insert.length } });
      editor.focus();
    },
  }));
  return <div ref={host} className="editor" />;
}
