//! The table of contents of `sql/`: what is installed, in which order, by true needs only.

use pgrx::prelude::*;

extension_sql_file!("../sql/schema.sql", name = "schema", bootstrap);
extension_sql_file!("../sql/functions/uuid.sql", name = "uuid", requires = ["schema"]);
