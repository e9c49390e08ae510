//! What travels over HTTP: requests and responses as serde types, one file per noun.
//!
//! Requests refuse unknown fields; ids and names are typed, so that a request which deserialises is well formed.
//! Times are RFC 3339 text ([`Timestamp`]); ε and δ are plain numbers; ρ is in 1e-12 and δ of selections in 1e-18
//! where a field is an integer. Nothing here holds private rows.

mod audit;
mod budget;
mod dataset;
mod identity;
mod problem;
mod query;
mod release;
mod timestamp;
mod upload;
mod workspace;

pub use audit::{Artefact, AuditClaims, ClaimedAccount};
pub use budget::{AccountBudget, CreatePopulation, EpochsBudget, Population, PopulationBudget, WorkspaceBudget};
pub use dataset::{
    Correction, CreatedDataset, Dataset, Exclude, Excluded, FoundIdentifiers, Rejection, UploadedTable,
    ValidationReport, Version,
};
pub use identity::{CreateToken, CreateUser, IssuedToken, Membership, Token, User, WhoAmI};
pub use problem::{PROBLEM_JSON, Problem};
pub use query::{
    AnswerKind, BudgetLeft, CertificateNode, ColumnInfo, ExplainedColumn, Explanation, Interval, OtherRow, Price,
    QueryAnswer, QueryHistoryEntry, QueryOutcome, QueryRequest, QueryResponse, Receipt,
};
pub use release::{
    Catalog, CatalogColumn, CatalogTable, Decision, Progress, ProposeRelease, Release, ReleaseReport, ReportRef,
    ReportSection, ReportedTable,
};
pub use timestamp::Timestamp;
pub use upload::{AssembleTable, FileCompression, FileFormat, FileOptions, FileRead};
pub use workspace::{CreateWorkspace, Member, PutMember, Workspace};

/// A list of things, so that answers can grow fields beside it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct List<T> {
    /// The things.
    pub items: Vec<T>,
}
