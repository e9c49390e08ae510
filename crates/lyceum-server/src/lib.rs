//! Edges: HTTP (axum). No logic.
