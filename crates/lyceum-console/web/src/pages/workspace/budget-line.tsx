// The budget beside the button, in one line: the account with the smallest share left decides.
import { Text } from "@mantine/core";
import type { ReactNode } from "react";
import type { WorkspaceBudget } from "../../api/types";
import { percent } from "../../ui/numbers";

export function BudgetLine(props: { budget: WorkspaceBudget | undefined }): ReactNode {
  const accounts = props.budget?.populations.flatMap((p) => p.accounts.map((a) => ({ ...a, population: p.population }))) ?? [];
  const tightest = accounts.reduce<(typeof accounts)[number] | undefined>(
    (worst, a) => (!worst || a.share_spent > worst.share_spent ? a : worst),
    undefined,
  );
  if (!tightest) return null;
  return (
    <Text size="sm" className="numbers">
      {percent(Math.max(0, 1 - tightest.share_spent))} of the budget left ({tightest.label})
    </Text>
  );
}
