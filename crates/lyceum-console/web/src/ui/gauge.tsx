// A budget as a bar and in words.
import { Progress, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { percent } from "./numbers";

export function Gauge(props: { label: string; spent: number; note?: string }): ReactNode {
  const share = Math.min(1, Math.max(0, props.spent));
  return (
    <Stack gap={2}>
      <Text size="sm">{props.label}: {percent(1 - share)} left</Text>
      <Progress value={share * 100} color={share > 0.9 ? "red" : share > 0.7 ? "orange" : "blue"}
        aria-label={`${props.label}: ${percent(share)} spent`} />
      {props.note && <Text size="xs" c="dimmed">{props.note}</Text>}
    </Stack>
  );
}
