//! Labels side by side: each as near as possible to what it names, none over another.
//!
//! This is isotonic regression by pooling adjacent violators: labels that would overlap become one
//! group, and the group moves to where its members are nearest to their wishes on average.

/// Centres for labels of these `widths` that wish to be centred at `wishes` (ascending), inside of
/// `from` to `to`, as long as they fit there at all.
pub(super) fn spread(wishes: &[f64], widths: &[f64], from: f64, to: f64) -> Vec<f64> {
    // How far right of the first label's left end each label's centre is when all touch. Without these
    // offsets, "no overlap" reads "not descending".
    let mut offsets = Vec::with_capacity(widths.len());
    let mut width = 0.0;
    for each in widths {
        offsets.push(width + each / 2.0);
        width += each;
    }
    let mut groups: Vec<(f64, usize)> = Vec::new();
    for (wish, offset) in wishes.iter().zip(&offsets) {
        groups.push((wish - offset, 1));
        while let [.., (left, left_count), (right, count)] = groups[..]
            && left > right
        {
            groups.truncate(groups.len() - 2);
            let both = left_count + count;
            groups.push(((left * left_count as f64 + right * count as f64) / both as f64, both));
        }
    }
    groups
        .into_iter()
        .flat_map(|(place, count)| std::iter::repeat_n(place, count))
        .zip(offsets)
        .map(|(place, offset)| place.min(to - width).max(from) + offset)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn labels_with_room_stay_where_they_wish_and_others_share_the_way() {
        assert_eq!(spread(&[50.0, 300.0], &[80.0, 80.0], 0.0, 400.0), [50.0, 300.0]);
        assert_eq!(spread(&[100.0, 110.0], &[80.0, 80.0], 0.0, 400.0), [65.0, 145.0]);
        assert_eq!(spread(&[5.0, 10.0], &[80.0, 80.0], 0.0, 400.0), [40.0, 120.0]);
        assert!(spread(&[], &[], 0.0, 400.0).is_empty());
    }

    proptest! {
        #[test]
        fn labels_never_overlap_nor_leave_their_room(
            labels in prop::collection::vec((0.0..900.0, 10.0..150.0), 1..6),
        ) {
            let (mut wishes, widths): (Vec<f64>, Vec<f64>) = labels.into_iter().unzip();
            wishes.sort_by(f64::total_cmp);
            let centres = spread(&wishes, &widths, 20.0, 880.0);
            let ends = |i: usize| (centres[i] - widths[i] / 2.0, centres[i] + widths[i] / 2.0);
            for i in 0..centres.len() {
                prop_assert!(ends(i).0 > 20.0 - 1e-9 && ends(i).1 < 880.0 + 1e-9);
                prop_assert!(i == 0 || ends(i - 1).1 <= ends(i).0 + 1e-9);
            }
        }
    }
}
