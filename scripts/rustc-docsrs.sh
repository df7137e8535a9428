#!/bin/sh
# Cargo's RUSTC_WRAPPER for checking against a PostgreSQL that is not there: pgrx-pg-sys carries bindings of each major for
# its documentation, under --cfg docsrs. Only that crate gets it: others ask for nightly features then. DOCS_RS=1 goes with
# it, so that pgrx's build script looks for no pg_config.
for argument; do [ "$argument" != pgrx_pg_sys ] || exec "$@" --cfg docsrs; done
exec "$@"
