//! Figures of agreement are those of scipy, scikit-learn and krippendorff, and keep the promises that hold of any data.

mod properties;
mod reference;
mod report;
