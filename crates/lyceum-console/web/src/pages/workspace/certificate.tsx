// Why a question is private: the certificate as a tree, from the output down to the scans.
import { Button, Collapse, Group, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import type { ReactNode } from "react";
import type { CertificateNode, Explanation } from "../../api/types";

export default function Certificate(props: { explanation: Explanation }): ReactNode {
  const [open, { toggle }] = useDisclosure(false);
  const root = props.explanation.certificate;
  if (!root) return null;
  return (
    <div>
      <Group><Button size="compact-sm" variant="subtle" onClick={toggle} aria-expanded={open}>Why it is private</Button></Group>
      <Collapse expanded={open}><ul className="certificate"><Node node={root} /></ul></Collapse>
    </div>
  );
}

function Node(props: { node: CertificateNode }): ReactNode {
  return (
    <li>
      <Text size="sm" fw={600}>{props.node.node}</Text>
      {props.node.facts.map((f) => <Text key={f} size="xs" c="dimmed">{f}</Text>)}
      {props.node.inputs.length > 0 && (
        <ul className="certificate">{props.node.inputs.map((n, i) => <Node key={`${i} ${n.node}`} node={n} />)}</ul>
      )}
    </li>
  );
}
