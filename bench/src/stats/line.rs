//! A straight line through points, by least squares, and how far it could have come out otherwise.
//!
//! The residuals are drawn anew, put on the fitted line, and the line is fitted again, [`RESAMPLES`] times (the bootstrap
//! of residuals: B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 9). Two things would
//! make that too narrow. Residuals are smaller than the noise that made them, by √((n−2)/n). And points that are taken
//! one after another resemble their neighbours (slabs fill up, other programs come and go): they tell
//! as much as n (1−ρ)/(1+ρ) that do not, where ρ is the correlation of one residual with the next (B. D. Santer et al.,
//! "Statistical Significance of Trends and Trend Differences in Layer-Average Atmospheric Temperature Time Series",
//! Journal of Geophysical Research 105(D6), 2000). A fit makes ρ look too small, by about (2+4ρ)/n. The residuals are
//! enlarged by both before they are drawn.

use super::Interval;
use super::bootstrap::{FEWEST, RESAMPLES, percentiles};
use super::show;

/// A correlation nearer to 1 cannot be told from few points.
const MOST_ALIKE: f64 = 0.95;

/// The method, as captions state it.
pub fn method() -> String {
    format!("95 % interval (bootstrap of residuals, {} resamples)", show::thousands(RESAMPLES))
}

/// The line of which the points' squared vertical distances sum up to least.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The value at zero.
    pub intercept: f64,
    /// The rise from one to the next.
    pub slope: f64,
    /// The places of the points, less their mean.
    from_middle: Vec<f64>,
    /// The mean place.
    middle: f64,
    /// How far each point lies above the line.
    residuals: Vec<f64>,
}

impl Line {
    /// Fits it to points (place, value), in the order in which they were taken. `None` where they do not lie at two
    /// places at least.
    pub fn fit(points: impl IntoIterator<Item = (f64, f64)>) -> Option<Line> {
        let (places, values): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
        let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
        let middle = mean(&places);
        let from_middle: Vec<f64> = places.iter().map(|place| place - middle).collect();
        let slope = rise(&from_middle, &values);
        let intercept = mean(&values) - slope * middle;
        let residuals =
            places.iter().zip(&values).map(|(place, value)| value - intercept - slope * place).collect();
        slope.is_finite().then_some(Line { intercept, slope, from_middle, middle, residuals })
    }

    /// The value at a place.
    pub fn at(&self, place: f64) -> f64 {
        self.intercept + self.slope * place
    }

    /// The place at which it reaches a value; `None` if it does not rise.
    pub fn reaches(&self, value: f64) -> Option<f64> {
        (self.slope > 0.0).then(|| (value - self.intercept) / self.slope)
    }

    /// How it could have come out otherwise; `None` when there are fewer points than [`FEWEST`].
    pub fn redrawn(&self, random: &mut fastrand::Rng) -> Option<Lines> {
        let n = self.residuals.len();
        let larger = (n as f64 / (n as f64 - 2.0)).sqrt();
        let correlation = self.correlation();
        let of_line = larger * ((1.0 + correlation) / (1.0 - correlation)).sqrt();
        let mut drawn = vec![0.0; n];
        let mut one = || {
            drawn.fill_with(|| self.residuals[random.usize(..n)] * of_line);
            let slope = rise(&self.from_middle, &drawn);
            let lift = drawn.iter().sum::<f64>() / n as f64 - slope * self.middle;
            let noise = self.residuals[random.usize(..n)] * larger;
            Redrawn { intercept: self.intercept + lift, slope: self.slope + slope, noise }
        };
        (n >= FEWEST).then(|| Lines((0..RESAMPLES).map(|_| one()).collect()))
    }

    /// How a residual resembles the next, from 0 to [`MOST_ALIKE`], without the bias of the fit.
    fn correlation(&self) -> f64 {
        let n = self.residuals.len() as f64;
        let squares: f64 = self.residuals.iter().map(|residual| residual * residual).sum();
        if squares <= 0.0 {
            return 0.0;
        }
        let next: f64 = self.residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
        ((n * next / squares + 2.0) / (n - 4.0)).clamp(0.0, MOST_ALIKE)
    }
}

/// The slope of the line through values at places that are given from their mean.
fn rise(from_middle: &[f64], values: &[f64]) -> f64 {
    let shared: f64 = from_middle.iter().zip(values).map(|(place, value)| place * value).sum();
    shared / from_middle.iter().map(|place| place * place).sum::<f64>()
}

#[derive(Clone, Copy, Debug)]
struct Redrawn {
    intercept: f64,
    slope: f64,
    /// What a further point may lie above it.
    noise: f64,
}

/// The lines of [`RESAMPLES`] resamples.
#[derive(Clone, Debug)]
pub struct Lines(Vec<Redrawn>);

impl Lines {
    /// The interval of the slope.
    pub fn slope(&self) -> Interval {
        percentiles(self.0.iter().map(|line| line.slope))
    }

    /// Where one further value at this place is to be expected: the line's own uncertainty and the noise of one point.
    pub fn at(&self, place: f64) -> Interval {
        percentiles(self.0.iter().map(|line| line.intercept + line.slope * place + line.noise))
    }

    /// Where points are to be expected to reach this value. A resampled line that does not rise never does.
    pub fn reaches(&self, value: f64) -> Interval {
        let place = |line: &Redrawn| {
            if line.slope > 0.0 { (value - line.intercept - line.noise) / line.slope } else { f64::INFINITY }
        };
        percentiles(self.0.iter().map(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From numpy 2.4: `numpy.polyfit`, and 200,000 resamples by the method above.
    const SLOPE: f64 = 2.546_956_521_739_131;
    const INTERCEPT: f64 = 5.913_043_478_260_865;
    const SLOPES: [f64; 2] = [2.4044, 2.6907];
    const AT_120: [f64; 2] = [295.98, 327.14];
    const REACH_300: [f64; 2] = [109.91, 121.67];

    /// 24 points on 5 + 2.5 x with noise that is the same for three neighbours.
    fn points() -> Vec<(f64, f64)> {
        (1..=24).map(|i| (f64::from(i), 5.0 + 2.5 * f64::from(i) + f64::from(i / 3 % 4))).collect()
    }

    fn close(found: f64, expected: f64, by: f64) {
        assert!((found - expected).abs() <= by, "{found} is not {expected}");
    }

    #[test]
    fn the_line_is_that_of_numpy() {
        let line = Line::fit(points()).unwrap();
        close(line.slope, SLOPE, 1e-9);
        close(line.intercept, INTERCEPT, 1e-9);
        close(line.at(100.0), INTERCEPT + 100.0 * SLOPE, 1e-9);
        close(line.at(line.reaches(400.0).unwrap()), 400.0, 1e-9);
    }

    #[test]
    fn the_intervals_are_those_of_numpy() {
        let lines = Line::fit(points()).unwrap().redrawn(&mut fastrand::Rng::with_seed(3)).unwrap();
        for (found, [low, high], by) in [
            (lines.slope(), SLOPES, 0.006),
            (lines.at(120.0), AT_120, 0.6),
            (lines.reaches(300.0), REACH_300, 0.3),
        ] {
            close(found.low, low, by);
            close(found.high, high, by);
        }
    }

    #[test]
    fn a_point_has_no_line_and_few_points_have_no_interval() {
        assert_eq!(Line::fit([]), None);
        assert_eq!(Line::fit([(3.0, 1.0), (3.0, 2.0)]), None);
        let flat = Line::fit((0..5).map(|place| (f64::from(place), 7.0))).unwrap();
        assert_eq!(flat.reaches(8.0), None);
        assert!(flat.redrawn(&mut fastrand::Rng::with_seed(1)).is_none());
    }

    /// Of many samples of which neighbours resemble each other, nine in ten have intervals that hold the true slope
    /// and a further value. Without ρ it would be seven.
    #[test]
    fn intervals_hold_the_truth_about_as_often_as_they_say() {
        let mut random = fastrand::Rng::with_seed(11);
        let runs = 100;
        let (mut slopes, mut values) = (0, 0);
        for _ in 0..runs {
            let mut carried = 0.0;
            let mut noise = || {
                carried = 0.5 * carried + random.f64() - 0.5;
                carried
            };
            let sample: Vec<_> = (0..40).map(|i| (f64::from(i), 3.0 * f64::from(i) + noise())).collect();
            let further = 3.0 * 60.0 + noise();
            let lines = Line::fit(sample).unwrap().redrawn(&mut fastrand::Rng::with_seed(5)).unwrap();
            slopes += i32::from(lines.slope().contains(3.0));
            values += i32::from(lines.at(60.0).contains(further));
        }
        assert!(slopes >= 84, "{slopes} of {runs}");
        assert!(values >= 84, "{values} of {runs}");
    }
}
