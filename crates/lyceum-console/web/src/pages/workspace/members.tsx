// Who is in the workspace, from where, as what.
import { Table } from "@mantine/core";
import type { ReactNode } from "react";
import type { Workspace } from "../../api/types";
import { Empty } from "../../ui/states";

export function Members(props: { workspace: Workspace }): ReactNode {
  const members = props.workspace.members ?? [];
  if (members.length === 0) return <Empty title="Nobody is in this workspace yet" />;
  return (
    <div className="scroll">
      <Table striped>
        <Table.Thead><Table.Tr><Table.Th>Who</Table.Th><Table.Th>Organisation</Table.Th><Table.Th>Role</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {members.map((m) => (
            <Table.Tr key={m.user}>
              <Table.Td>{m.user}</Table.Td><Table.Td>{m.organisation}</Table.Td><Table.Td>{m.role}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
