//! Agreement of classes: the table of confusion, Cohen's kappa, and precision, recall and F1 of each class.

use super::bootstrap::{Estimate, Resampling, estimates};
use super::{AgreementError, Call, check_calls, counted, only_named, shares};

/// A label and a judgement of the same call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassPair {
    /// Place of the call in the list.
    pub call: usize,
    /// Places in the list of classes.
    pub label: usize,
    pub judged: usize,
}

/// How bad it is to take one class for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weighting {
    /// Any mistake is as bad as any other: classes without an order.
    Same,
    /// As many places as lie between them.
    Linear,
    /// The square of that.
    Quadratic,
}

/// Pairs of classes, ready to be measured under any weights.
#[derive(Debug, Clone)]
pub struct Classes {
    calls: Vec<Call>,
    pairs: Vec<ClassPair>,
    /// For how many pairs of its call a pair stands: one over their number.
    shares: Vec<f64>,
    classes: usize,
}

/// How much weight was given which label (row) and judged as what (column).
#[derive(Debug, Clone, PartialEq)]
pub struct Confusion {
    pub rows: Vec<Vec<f64>>,
}

/// `T`: a figure, or a figure with its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassFigures<T> {
    /// Share of judgements that are the label; `None`: nothing has weight.
    pub accuracy: Option<T>,
    /// Cohen's kappa: 1 agrees, 0 as by chance; `None` where both sides know one and the same class only.
    pub kappa: Option<T>,
    /// Kappa of ordered classes.
    pub kappa_linear: Option<T>,
    pub kappa_quadratic: Option<T>,
    /// Means over the classes that occur on either side; a precision or a recall that there is not counts as 0.
    pub macro_precision: Option<T>,
    pub macro_recall: Option<T>,
    pub macro_f1: Option<T>,
    /// In the order of the list of classes.
    pub of_class: Vec<OfClass<T>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OfClass<T> {
    /// Of what was judged to be of this class, the share that is; `None`: nothing was judged so.
    pub precision: Option<T>,
    /// Of what is of this class, the share that was judged so; `None`: nothing is.
    pub recall: Option<T>,
    /// `None`: the class occurs on neither side.
    pub f1: Option<T>,
}

/// Figures of all classes together, which stand before those of each class.
const OVERALL: usize = 7;

impl Classes {
    /// Prepares pairs of `classes` classes; for weighted kappa they must be in their order.
    ///
    /// # Errors
    /// A weight is not finite or negative, or a pair's call or class is not in its list.
    pub fn new(calls: &[Call], classes: usize, pairs: Vec<ClassPair>) -> Result<Classes, AgreementError> {
        check_calls(calls)?;
        if pairs.iter().any(|pair| pair.call >= calls.len()) {
            return Err(AgreementError::NoSuchCall);
        } else if pairs.iter().any(|pair| pair.label >= classes || pair.judged >= classes) {
            return Err(AgreementError::NoSuchClass);
        }
        let of: Vec<usize> = pairs.iter().map(|pair| pair.call).collect();
        let shares = shares(calls.len(), &of);
        Ok(Classes { calls: only_named(calls, &of), pairs, shares, classes })
    }

    /// How many calls have a pair.
    pub fn calls(&self) -> usize {
        counted(&self.calls)
    }

    /// The table of confusion, in calls that the labelled ones stand for.
    pub fn confusion(&self) -> Confusion {
        let mut rows = vec![vec![0.0; self.classes]; self.classes];
        for (pair, share) in self.pairs.iter().zip(&self.shares) {
            rows[pair.label][pair.judged] += self.calls[pair.call].weight * share;
        }
        Confusion { rows }
    }

    /// The figures with their intervals.
    pub fn estimates(&self, resampling: Resampling) -> ClassFigures<Estimate> {
        let mut counts = Counts::new(self.classes);
        let found = estimates(&self.calls, resampling, OVERALL + 3 * self.classes, |weights, found| {
            counts.count(self, weights);
            counts.figures(found);
        });
        figures_of(&found)
    }

    /// The figures where each call has this weight.
    pub fn figures(&self, weights: &[f64]) -> ClassFigures<f64> {
        let mut counts = Counts::new(self.classes);
        counts.count(self, weights);
        let mut found = vec![None; OVERALL + 3 * self.classes];
        counts.figures(&mut found);
        figures_of(&found)
    }
}

fn figures_of<T: Copy>(found: &[Option<T>]) -> ClassFigures<T> {
    ClassFigures {
        accuracy: found[0],
        kappa: found[1],
        kappa_linear: found[2],
        kappa_quadratic: found[3],
        macro_precision: found[4],
        macro_recall: found[5],
        macro_f1: found[6],
        of_class: found[OVERALL..]
            .chunks_exact(3)
            .map(|of| OfClass { precision: of[0], recall: of[1], f1: of[2] })
            .collect(),
    }
}

/// What the figures are made of, without the whole table: resampling counts it thousands of times.
struct Counts {
    /// Weight by label, by judgement, and where they are the same.
    labelled: Vec<f64>,
    judged: Vec<f64>,
    agreed: Vec<f64>,
    total: f64,
    /// Distance between label and judgement, and its square, summed by weight.
    distance: f64,
    square: f64,
}

impl Counts {
    fn new(classes: usize) -> Counts {
        let none = vec![0.0; classes];
        Counts { labelled: none.clone(), judged: none.clone(), agreed: none, total: 0.0, distance: 0.0, square: 0.0 }
    }

    fn count(&mut self, of: &Classes, weights: &[f64]) {
        for counts in [&mut self.labelled, &mut self.judged, &mut self.agreed] {
            counts.fill(0.0);
        }
        (self.total, self.distance, self.square) = (0.0, 0.0, 0.0);
        for (pair, share) in of.pairs.iter().zip(&of.shares) {
            let weight = weights[pair.call] * share;
            self.total += weight;
            self.labelled[pair.label] += weight;
            self.judged[pair.judged] += weight;
            if pair.label == pair.judged {
                self.agreed[pair.label] += weight;
            } else {
                let distance = pair.label.abs_diff(pair.judged) as f64;
                self.distance += weight * distance;
                self.square += weight * distance * distance;
            }
        }
    }

    /// In the order of [`figures_of`].
    fn figures(&self, found: &mut [Option<f64>]) {
        if self.total <= 0.0 {
            return;
        }
        found[0] = Some(self.agreed.iter().sum::<f64>() / self.total);
        for (place, weighting) in [Weighting::Same, Weighting::Linear, Weighting::Quadratic].into_iter().enumerate() {
            found[1 + place] = self.kappa(weighting);
        }
        let (mut classes, mut precisions, mut recalls, mut f1s) = (0.0, 0.0, 0.0, 0.0);
        for (class, of) in found[OVERALL..].chunks_exact_mut(3).enumerate() {
            let share_of = |whole: f64| (whole > 0.0).then(|| self.agreed[class] / whole);
            let precision = share_of(self.judged[class]);
            let recall = share_of(self.labelled[class]);
            let f1 = share_of((self.judged[class] + self.labelled[class]) / 2.0);
            if let Some(f1) = f1 {
                classes += 1.0;
                precisions += precision.unwrap_or(0.0);
                recalls += recall.unwrap_or(0.0);
                f1s += f1;
            }
            of.copy_from_slice(&[precision, recall, f1]);
        }
        for (place, sum) in [precisions, recalls, f1s].into_iter().enumerate() {
            found[4 + place] = Some(sum / classes);
        }
    }

    /// One less what was mistaken over what would be if the two sides knew nothing of each other (Cohen 1960, 1968).
    fn kappa(&self, weighting: Weighting) -> Option<f64> {
        let found = match weighting {
            Weighting::Same => self.total - self.agreed.iter().sum::<f64>(),
            Weighting::Linear => self.distance,
            Weighting::Quadratic => self.square,
        };
        let expected = match weighting {
            Weighting::Same => {
                let same: f64 = self.labelled.iter().zip(&self.judged).map(|(l, j)| l * j).sum();
                self.total - same / self.total
            }
            Weighting::Linear => self.expected_distance(),
            Weighting::Quadratic => self.expected_square(),
        };
        // Nothing can be mistaken where there is one class only; what is left is rounding.
        (expected > 1e-12 * self.total).then(|| 1.0 - found / expected)
    }

    /// Between two classes lie as many borders as is their distance; a border is crossed where one side is below it and the
    /// other above.
    fn expected_distance(&self) -> f64 {
        let (mut labelled, mut judged, mut sum) = (0.0, 0.0, 0.0);
        // What is below the border after each class; after the last one nothing is above it.
        for (of_labelled, of_judged) in self.labelled.iter().zip(&self.judged) {
            labelled += of_labelled;
            judged += of_judged;
            sum += labelled * (self.total - judged) + judged * (self.total - labelled);
        }
        sum / self.total
    }

    /// The mean of (l - j)^2 for independent l and j is the sum of their variances and the square of their means' distance.
    fn expected_square(&self) -> f64 {
        let moments = |counts: &[f64]| {
            let mean = counts.iter().enumerate().map(|(class, n)| class as f64 * n).sum::<f64>() / self.total;
            let variance = counts.iter().enumerate().map(|(class, n)| (class as f64 - mean).powi(2) * n).sum::<f64>();
            (mean, variance)
        };
        let ((label, of_labels), (judged, of_judged)) = (moments(&self.labelled), moments(&self.judged));
        of_labels + of_judged + (label - judged).powi(2) * self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(count: usize, pairs: &[(usize, usize)]) -> Classes {
        let calls = vec![Call::EVEN; pairs.len()];
        let pairs =
            pairs.iter().enumerate().map(|(call, &(label, judged))| ClassPair { call, label, judged }).collect();
        Classes::new(&calls, count, pairs).unwrap()
    }

    #[test]
    fn kappa_is_that_of_the_textbook() {
        // 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: 0.7 agree, 0.5 by chance.
        let mut pairs = vec![(0, 0); 20];
        pairs.extend([(0, 1); 5]);
        pairs.extend([(1, 0); 10]);
        pairs.extend([(1, 1); 15]);
        let found = classes(2, &pairs);
        let figures = found.figures(&[1.0; 50]);
        assert!((figures.kappa.unwrap() - 0.4).abs() < 1e-12);
        assert_eq!(figures.accuracy, Some(0.7));
        assert_eq!(found.confusion().rows, [[20.0, 5.0], [10.0, 15.0]]);
    }

    #[test]
    fn one_class_only_has_no_kappa() {
        let figures = classes(3, &[(1, 1); 4]).figures(&[0.1; 4]);
        assert_eq!((figures.kappa, figures.kappa_linear, figures.kappa_quadratic), (None, None, None));
        assert_eq!(figures.accuracy, Some(1.0));
        assert_eq!(figures.macro_f1, Some(1.0));
        assert_eq!(figures.of_class[0], OfClass { precision: None, recall: None, f1: None });
    }

    #[test]
    fn a_class_that_nobody_was_judged_to_be_has_no_precision() {
        let figures = classes(2, &[(0, 0), (1, 0)]).figures(&[1.0; 2]);
        assert_eq!(figures.of_class[1], OfClass { precision: None, recall: Some(0.0), f1: Some(0.0) });
        assert_eq!(figures.macro_precision, Some(0.25));
    }

    #[test]
    fn a_near_miss_counts_less_than_a_far_one() {
        let near = classes(3, &[(0, 0), (1, 1), (2, 2), (0, 1)]).figures(&[1.0; 4]);
        let far = classes(3, &[(0, 0), (1, 1), (2, 2), (0, 2)]).figures(&[1.0; 4]);
        assert!(near.kappa_quadratic > far.kappa_quadratic && near.kappa_linear > far.kappa_linear);
    }

    #[test]
    fn what_is_no_class_is_refused() {
        let pair = ClassPair { call: 0, label: 2, judged: 0 };
        assert_eq!(Classes::new(&[Call::EVEN], 2, vec![pair]).err(), Some(AgreementError::NoSuchClass));
        assert_eq!(Classes::new(&[], 2, vec![pair]).err(), Some(AgreementError::NoSuchCall));
        assert_eq!(classes(2, &[]).figures(&[]).macro_f1, None);
    }
}
