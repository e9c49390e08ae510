// A receipt, checked in this page: the event's hash against the signed root, with the log's key that this browser knows.
import { Alert, Button, CopyButton, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Answer } from "../../api/types";
import { useSession } from "../../session";
import { useLogKey } from "../../verify/known-key";

export function ReceiptLine(props: { receipt: NonNullable<Answer["receipt"]> }): ReactNode {
  const { client } = useSession();
  const key = useLogKey(client);
  const proved = useQuery({
    queryKey: ["receipt", props.receipt.text, key.data?.line],
    enabled: key.data !== undefined,
    retry: false,
    queryFn: async () => {
      const { verifyReceipt } = await import("../../verify/receipt");
      const { index, checkpoint, event } = verifyReceipt(props.receipt.text, key.data!.key);
      return `entry ${index} (${event.type}) is in the log of ${checkpoint.size} entries signed by ${checkpoint.origin}`;
    },
  });
  const good = proved.isSuccess;
  const failed = proved.isError || key.isError;
  return (
    <Alert color={failed ? "red" : good ? "green" : "gray"} className={failed ? "bar-bad" : good ? "bar-good" : undefined} variant="light"
      title={failed ? "Receipt not verified" : good ? "Receipt verified in this page" : "Checking the receipt"}>
      <Group justify="space-between">
        <Text size="sm">{proved.data ?? (proved.error ?? key.error)?.message ?? "…"}</Text>
        <CopyButton value={props.receipt.text}>
          {({ copied, copy }) => <Button size="compact-xs" variant="default" onClick={copy}>{copied ? "Copied" : "Copy receipt"}</Button>}
        </CopyButton>
      </Group>
    </Alert>
  );
}
