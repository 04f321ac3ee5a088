//! From launches to prices: what one operation costs in each stack, and what it is made of.
//!
//! In each round the larger size less the smaller one, in time and in every count, by the difference in operations. The
//! median over the rounds is the price; its interval is that of any median here
//! ([`crate::stats::bootstrap`]). A price that an emulating KVM makes is [`Price::emulated`], and has no ratio.

use super::section::{Launch, Tax};
use super::work::Work;
use crate::host::Host;
use crate::stats::{Figure, Ratio, Sorted};
use isolab_timeline::Stack;
use std::collections::BTreeMap;

/// The launches of one work in one stack by their round, each with its operations.
type Rounds<'a> = BTreeMap<usize, Vec<(u64, &'a Launch)>>;

/// What one operation of one work costs in one stack.
#[derive(Clone, Debug)]
pub struct Price {
    /// Which stack.
    pub stack: Stack,
    /// Which work.
    pub work: Work,
    /// Nanoseconds an operation, one value a round.
    pub ns: Figure,
    /// KVM emulates part of what was measured: not a cost of hardware virtualization.
    pub emulated: bool,
    /// Page faults an operation, as the host counts them.
    pub faults: f64,
    /// Context switches an operation, as the host counts them.
    pub switches: f64,
    /// Exits to the VMM an operation; `None` where there is no guest.
    pub exits: Option<f64>,
}

/// All prices of a run.
#[derive(Clone, Debug, Default)]
pub struct Prices(Vec<Price>);

impl Prices {
    /// Computes them, in the order of work, then stack. The seed drives the bootstrap.
    pub fn of(tax: &Tax, host: &Host, seed: u64) -> Prices {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut launches: BTreeMap<(Work, Stack), Rounds<'_>> = BTreeMap::new();
        for launch in
            tax.launches.iter().filter(|launch| launch.round >= tax.warmup && launch.invalid.is_none())
        {
            let Some((work, operations)) = Work::of(launch.workload) else { continue };
            let rounds = launches.entry((work, launch.stack)).or_default();
            rounds.entry(launch.round).or_default().push((operations, launch));
        }
        let price = |((work, stack), rounds): ((Work, Stack), Rounds<'_>)| {
            let pairs: Vec<_> = rounds.into_values().filter_map(pair).collect();
            let each = |of: &dyn Fn(&Launch) -> Option<f64>| {
                let rise = |&(operations, [small, large]): &(f64, [&Launch; 2])| {
                    Some((of(large)? - of(small)?) / operations)
                };
                Sorted::new(pairs.iter().filter_map(rise))
            };
            let median =
                |of: &dyn Fn(&Launch) -> f64| each(&|launch| Some(of(launch))).map(|all| all.median());
            let exits = |launch: &Launch| Some(launch.exits.as_ref()?.values().sum::<u64>() as f64);
            Some(Price {
                stack,
                work,
                ns: Figure::of(each(&|launch| launch.work_ns.map(|ns| ns as f64))?, None, &mut random),
                emulated: host.emulates_guest_kernels() && work.needs_guest_kernel(stack),
                faults: median(&|launch| (launch.exit.minor_faults + launch.exit.major_faults) as f64)?,
                switches: median(&|launch| {
                    (launch.exit.voluntary_switches + launch.exit.involuntary_switches) as f64
                })?,
                exits: each(&exits).map(|all| all.median()),
            })
        };
        Prices(launches.into_iter().filter_map(price).collect())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Price> {
        self.0.iter()
    }

    /// That of one work in one stack.
    pub fn get(&self, work: Work, stack: Stack) -> Option<&Price> {
        self.0.iter().find(|price| price.work == work && price.stack == stack)
    }

    /// Those of one work, in the order of stacks.
    pub fn of_work(&self, work: Work) -> impl Iterator<Item = &Price> {
        self.0.iter().filter(move |price| price.work == work)
    }

    /// The stacks that have any.
    pub fn stacks(&self) -> Vec<Stack> {
        let mut stacks: Vec<_> = self.0.iter().map(|price| price.stack).collect();
        stacks.sort_unstable();
        stacks.dedup();
        stacks
    }

    /// How many times as much it costs as in a bare process; `None` for the process itself, where no process was
    /// measured, and where KVM emulates part of it.
    pub fn ratio(&self, price: &Price) -> Option<Ratio> {
        let base = self.get(price.work, Stack::Process)?;
        (price.stack != Stack::Process && !price.emulated).then(|| price.ns.ratio(&base.ns))?
    }
}

/// The two launches of a round, the smaller one first, and by how many operations they differ.
fn pair(mut launches: Vec<(u64, &Launch)>) -> Option<(f64, [&Launch; 2])> {
    launches.sort_unstable_by_key(|&(operations, _)| operations);
    match launches[..] {
        [(few, small), (many, large)] if many > few => Some(((many - few) as f64, [small, large])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn what_both_sizes_have_in_common_falls_out() {
        let file = example::with_tax();
        let prices = Prices::of(file.tax.as_ref().unwrap(), &file.host, 1);
        // The example's launches take 3 ms besides their work, of 100 ns a call.
        let price = prices.get(Work::Syscall, Stack::Process).unwrap();
        assert!((price.ns.p50() - 100.0).abs() < 2.0, "{}", price.ns.p50());
        assert!(price.faults.abs() < 1e-9 && price.exits.is_none());
        assert!(prices.ratio(price).is_none(), "a process is the unit");
        let cross = prices.get(Work::Cross, Stack::Unikernel).unwrap();
        assert!((cross.exits.unwrap() - 1.0).abs() < 1e-9);
        let container = prices.get(Work::Read, Stack::Container).unwrap();
        let ratio = prices.ratio(container).unwrap();
        assert!((ratio.value - 1.5).abs() < 0.03 && ratio.interval.unwrap().contains(1.5), "{ratio:?}");
    }

    #[test]
    fn what_kvm_emulates_has_no_ratio() {
        let mut file = example::with_tax();
        file.host.guest_kernel = "emulated".into();
        let prices = Prices::of(file.tax.as_ref().unwrap(), &file.host, 1);
        let of = |work| prices.get(work, Stack::Unikernel).unwrap();
        assert!(of(Work::Touch).emulated && prices.ratio(of(Work::Touch)).is_none());
        assert!(!of(Work::Cpu).emulated && prices.ratio(of(Work::Cpu)).is_some());
        assert!(prices.iter().all(|price| !price.emulated || price.stack == Stack::Unikernel));
    }

    #[test]
    fn warm_up_failed_launches_and_halves_of_a_pair_do_not_count() {
        let mut file = example::with_tax();
        let before = Prices::of(file.tax.as_ref().unwrap(), &file.host, 1);
        let tax = file.tax.as_mut().unwrap();
        let (first, second) = (tax.warmup, tax.warmup + 1);
        let cpu = |launch: &&mut Launch| {
            launch.stack == Stack::Process && matches!(Work::of(launch.workload), Some((Work::Cpu, _)))
        };
        for launch in tax.launches.iter_mut().filter(cpu) {
            if launch.round == first {
                launch.invalid = Some("exit status 1".into());
            } else if launch.round < first {
                launch.work_ns = Some(i64::MAX / 2);
            }
        }
        let half = tax.launches.iter_mut().filter(cpu).find(|launch| launch.round == second).unwrap();
        half.work_ns = None;
        let after = Prices::of(tax, &file.host, 1);
        let n = |prices: &Prices| prices.get(Work::Cpu, Stack::Process).unwrap().ns.n();
        assert_eq!(n(&after), n(&before) - 2);
        assert!(after.get(Work::Cpu, Stack::Process).unwrap().ns.sample.max() < 1e3);
    }
}
