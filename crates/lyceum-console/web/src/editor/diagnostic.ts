// A refusal as the editor shows it: the refused part underlined, the reason and the fix in its tooltip; a fix that is a
// whole statement can be applied with one click.
import type { Diagnostic } from "@codemirror/lint";
import type { Text } from "@codemirror/state";
import type { Problem } from "../api/types";

export function diagnosticOf(problem: Problem, doc: Text, replace: (text: string) => void): Diagnostic {
  const { from, to } = range(problem, doc);
  const lines = [problem.detail, problem.reason, problem.fix && `Try ${problem.fix}`].filter(Boolean);
  const whole = problem.fix && /^\s*(SELECT|WITH)\b/i.test(problem.fix) ? problem.fix : undefined;
  return {
    from,
    to,
    severity: "error",
    source: problem.code,
    message: lines.join("\n"),
    ...(whole ? { actions: [{ name: "Use this", apply: () => replace(whole) }] } : {}),
  };
}

function range(problem: Problem, doc: Text): { from: number; to: number } {
  if (!problem.line || problem.line > doc.lines) return { from: 0, to: doc.length };
  const line = doc.line(problem.line);
  // Columns count characters, positions count UTF-16 units.
  const before = [...line.text].slice(0, Math.max(0, (problem.column ?? 1) - 1)).join("").length;
  const from = Math.min(line.to, line.from + before);
  const word = /^[\w.]+(\([^)]*\))?/.exec(line.text.slice(from - line.from))?.[0].length ?? 1;
  return { from, to: Math.min(line.to, from + Math.max(1, word)) };
}
