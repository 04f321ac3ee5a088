use super::*;
use crate::fuzz;
use proptest::prelude::*;

/// Steps that mostly go somewhere: what random bytes alone would seldom say.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let address = prop_oneof![0..0x2_0000_u64, any::<u64>()];
    let length = prop_oneof![0..2000_u32, any::<u32>()];
    let step = prop_oneof![
        1 => (0..0x200_u16, any::<u8>(), any::<u32>()).prop_map(|(at, width, value)| Step::Write(at, width, value)),
        1 => (any::<u16>(), any::<u8>()).prop_map(|(at, width)| Step::Read(at, width)),
        6 => (0..2_u8, 0..8_u8, address, length, 0..8_u8, 0..9_u16).prop_map(
            |(queue, index, address, length, flags, next)| Step::Describe(queue, index, address, length, flags, next)
        ),
        4 => (0..2_u8, 0..9_u16).prop_map(|(queue, head)| Step::Offer(queue, head)),
        1 => (0..2_u8, any::<u16>()).prop_map(|(queue, count)| Step::Claim(queue, count)),
        4 => (0..2_u8).prop_map(Step::Serve),
        1 => Just(Step::Start),
        2 => (0..0x20000_u32, any::<u32>()).prop_map(|(address, value)| Step::Poke(address * 2, value)),
    ];
    prop::collection::vec(step, 0..120).prop_map(|steps| {
        let mut text = Vec::new();
        Step::Start.put(&mut text);
        for step in steps {
            step.put(&mut text);
        }
        text
    })
}

/// No file that remembers the failed cases.
fn cases() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn each_step_is_read_as_it_was_written(text in text()) {
        let (mut rest, mut again) = (&text[..], Vec::new());
        while let Some(step) = Step::take(&mut rest) {
            step.put(&mut again);
        }
        prop_assert_eq!(again, text);
    }

    #[test]
    fn no_guest_breaks_a_disk(text in text(), noise in prop::collection::vec(any::<u8>(), 0..400)) {
        fuzz::block_queue(&text);
        fuzz::block_queue(&noise);
    }

    #[test]
    fn no_guest_breaks_a_network_card(text in text(), noise in prop::collection::vec(any::<u8>(), 16..400)) {
        fuzz::net_queue(&[&noise[..16], &text].concat());
        fuzz::net_queue(&noise);
    }

    #[test]
    fn no_guest_breaks_the_entropy_device(text in text(), noise in prop::collection::vec(any::<u8>(), 0..400)) {
        fuzz::registers(&text);
        fuzz::registers(&noise);
    }
}
