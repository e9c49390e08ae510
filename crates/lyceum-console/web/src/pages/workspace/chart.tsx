// A chart of an answer: one dot per row with its interval as an error bar, the first key along the axis, a second as
// colour; over time, a line.
import * as Plot from "@observablehq/plot";
import { Group, Select, Stack, Text } from "@mantine/core";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import type { Answer, Interval } from "../../api/types";

interface Point {
  key: string | Date;
  series: string;
  value: number;
  low: number | undefined;
  high: number | undefined;
}

export default function Chart(props: { answer: Answer; intervals: (Interval | null)[][] }): ReactNode {
  const { answer, intervals } = props;
  const measures = answer.columns.flatMap((c, i) =>
    c.role !== "key" && c.role !== "interval" && answer.rows.some((r) => typeof r[i] === "number") ? [i] : []);
  const [measure, setMeasure] = useState(measures[0] ?? 0);
  const frame = useRef<HTMLDivElement>(null);
  const keys = answer.columns.flatMap((c, i) => (c.role === "key" ? [i] : []));
  const points = useMemo(() => pointsOf(answer, intervals, measure, keys), [answer, intervals, measure, keys.join()]);
  const name = answer.columns[measure]?.name ?? "";

  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const chart = draw(points, name, answer.columns[keys[0] ?? -1]?.name ?? "", element.clientWidth || 640);
    // One picture with one label: its parts have none that a screen reader may read.
    for (const part of chart.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
    chart.setAttribute("role", "img");
    chart.setAttribute("aria-label", `${name} by group with 95 % intervals; the table has the same numbers`);
    element.replaceChildren(chart);
    return () => chart.remove();
  }, [points, name]);

  return (
    <Stack gap="xs">
      {measures.length > 1 && (
        <Group><Select size="xs" label="Measure" value={String(measure)} allowDeselect={false}
          onChange={(v) => setMeasure(Number(v))} data={measures.map((i) => ({ value: String(i), label: answer.columns[i]?.name ?? "" }))} /></Group>
      )}
      <div ref={frame} className="chart" />
      <Text size="xs" c="dimmed">Bars are 95 % intervals. Differences smaller than the bars may be noise.</Text>
    </Stack>
  );
}

function pointsOf(answer: Answer, intervals: (Interval | null)[][], measure: number, keys: number[]): Point[] {
  const time = ["date", "timestamp"].includes(answer.columns[keys[0] ?? -1]?.type ?? "");
  return answer.rows.flatMap((row, r) => {
    const value = row[measure];
    if (typeof value !== "number") return [];
    const first = keys.length ? String(row[keys[0]!] ?? "NULL") : "all";
    const interval = intervals[r]?.[measure];
    return [{
      key: time ? new Date(first) : first,
      series: keys.slice(1).map((k) => String(row[k] ?? "NULL")).join(" · "),
      value, low: interval?.low, high: interval?.high,
    }];
  });
}

function draw(points: Point[], measure: string, key: string, width: number): SVGElement | HTMLElement {
  const series = new Set(points.map((p) => p.series)).size > 1;
  const colour = series ? "series" : undefined;
  const bounded = points.filter((p) => p.low !== undefined);
  const time = points[0]?.key instanceof Date;
  const style = { fontSize: "12px", background: "none", color: "inherit" };
  const stroke = colour ?? "#1c7ed6";
  if (time) {
    return Plot.plot({
      width, marginLeft: 70, style, x: { label: key }, y: { label: measure, grid: true }, color: { legend: series },
      marks: [
        Plot.ruleX(bounded, { x: "key", y1: "low", y2: "high", stroke, strokeOpacity: 0.6 }),
        Plot.lineY(points, { x: "key", y: "value", stroke }),
        Plot.dot(points, { x: "key", y: "value", fill: stroke, tip: true }),
      ],
    });
  }
  const names = [...new Set(points.map((p) => String(p.key)))];
  return Plot.plot({
    width, marginLeft: Math.min(220, 24 + 7 * Math.max(...names.map((n) => n.length))), style,
    height: 60 + names.length * (series ? 34 : 24),
    x: { label: measure, grid: true, nice: true }, y: { label: key, domain: names }, color: { legend: series },
    marks: [
      Plot.ruleY(bounded, { y: "key", x1: "low", x2: "high", stroke, strokeWidth: 2, strokeOpacity: 0.7 }),
      Plot.tickX(bounded, { y: "key", x: "low", stroke, inset: 6 }),
      Plot.tickX(bounded, { y: "key", x: "high", stroke, inset: 6 }),
      Plot.dot(points, { y: "key", x: "value", fill: stroke, r: 4, tip: true }),
    ],
  });
}
