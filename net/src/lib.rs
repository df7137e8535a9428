//! HTTP with deadlines.
