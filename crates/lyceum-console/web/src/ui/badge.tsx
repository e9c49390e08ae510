// A release's kind and state, in colour and in words.
import { Badge } from "@mantine/core";
import type { ReactNode } from "react";
import type { ReleaseKind, ReleaseState } from "../api/types";

const STATES: Record<ReleaseState, string> = {
  proposed: "yellow", active: "green", rejected: "red", paused: "orange", expired: "gray", revoked: "gray", failed: "red",
};
const KINDS: Record<ReleaseKind, string> = { mock: "gray", synthetic: "grape", anonymized: "teal", protected: "blue" };

export const StateBadge = (props: { state: ReleaseState }): ReactNode => (
  <Badge color={STATES[props.state]} variant="light">{props.state}</Badge>
);
export const KindBadge = (props: { kind: ReleaseKind }): ReactNode => (
  <Badge color={KINDS[props.kind]} variant="light">{props.kind}</Badge>
);
