// The SQL somebody is writing: kept for this tab, so that a reload or a look at the history loses nothing.

export interface Draft {
  read(): string;
  write(sql: string): void;
}

export function draftOf(workspace: string): Draft {
  const key = `lyceum.draft.${workspace}`;
  return {
    read: () => sessionStorage.getItem(key) ?? "",
    write: (sql) => sessionStorage.setItem(key, sql),
  };
}
