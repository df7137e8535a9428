mod vader;
pub use vader::compound;
