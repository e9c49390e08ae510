// The partner's pages: all datasets, one dataset, a new one.
import type { ReactNode } from "react";
import { Route, Switch } from "wouter";
import { DatasetPage } from "./dataset";
import { Datasets } from "./list";
import { NewDataset } from "./new";

export default function DatasetRoutes(): ReactNode {
  return (
    <Switch>
      <Route path="/datasets" component={Datasets} />
      <Route path="/datasets/new" component={NewDataset} />
      <Route path="/datasets/:name">{(p) => <DatasetPage name={p.name} />}</Route>
    </Switch>
  );
}
