// What people read: numbers with the digits their intervals support, refusals at the place they speak of.
import { Text } from "@codemirror/state";
import { describe, expect, test } from "vitest";
import type { Catalog, Problem } from "../src/api/types";
import { completions } from "../src/editor/completion";
import { diagnosticOf } from "../src/editor/diagnostic";
import { decimalsFor, percent, showValue } from "../src/ui/numbers";

describe("numbers", () => {
  test("have as many digits as their interval supports", () => {
    const interval = (low: number, high: number) => ({ low, high, confidence: 0.95 });
    expect(showValue(21310, interval(21249, 21371))).toEqual({ value: "21,310", spread: "± 61" });
    expect(showValue(0.182757, interval(0.1771, 0.1883))).toEqual({ value: "0.1828", spread: "± 0.0056" });
    expect(showValue(10, interval(2, 11))).toEqual({ value: "10.0", spread: "2.0 to 11.0" });
    expect(showValue(3.5, null)).toEqual({ value: "3.5" });
    expect(showValue(null, interval(0, 1))).toEqual({ value: "–" });
    expect(decimalsFor(0)).toBe(6);
  });

  test("are shares in percent", () => {
    expect(percent(0.019)).toBe("1.9 %");
    expect(percent(0.754)).toBe("75.4 %");
  });
});

describe("a refusal", () => {
  const doc = Text.of(["SELECT nothing,", "  COUNT(*) FROM users"]);
  const problem: Problem = { type: "", title: "", status: 422, detail: "there is no column nothing", code: "E2106", line: 1, column: 8, fix: "SELECT 1" };

  test("is underlined where it is, and its rewrite can be applied", () => {
    let text = "";
    const found = diagnosticOf(problem, doc, (t) => { text = t; });
    expect(doc.sliceString(found.from, found.to)).toBe("nothing");
    found.actions?.[0]?.apply(undefined as never, 0, 0);
    expect(text).toBe("SELECT 1");
  });

  test("without a place is about the whole", () => {
    const { line: _line, column: _column, ...placeless } = problem;
    const found = diagnosticOf({ ...placeless, fix: "ask for less" }, doc, () => {});
    expect([found.from, found.to, found.actions]).toEqual([0, doc.length, undefined]);
  });

  test("beyond the text doesn't break the editor", () => {
    expect(diagnosticOf({ ...problem, line: 99 }, doc, () => {}).to).toBe(doc.length);
    expect(diagnosticOf({ ...problem, line: 2, column: 99 }, doc, () => {}).to).toBeLessThanOrEqual(doc.length);
  });
});

test("an unqualified name completes to the best release", () => {
  const column = (name: string) => ({ name, type: "int64", nullable: false, role: "measure", description: "" });
  const table = (schema: "mock" | "protected", column_name: string) => ({
    schema, name: "ads", description: "", release: "", dataset: "", version: 1, owner: "", privacy_unit: "",
    max_rows_per_unit: 1, columns: [column(column_name)], policy: [],
  });
  const catalog: Catalog = { workspace: "w", tables: [table("protected", "real"), table("mock", "made")] };
  const names = completions(catalog) as Record<string, { label: string }[]>;
  expect(names.ads?.[0]?.label).toBe("real");
});
