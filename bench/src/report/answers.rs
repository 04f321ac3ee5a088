//! The head of a report: one sentence for each question that the run answers, and what it rests on.
//!
//! How long does a start take, how much memory does one more instance cost, how many fit? A question that was not asked
//! leaves no trace. A run without any of them answers with the first thing that it has to say.

use super::measured::Measured;
use super::{parts, ranking, sentences};

/// The answer to one question.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    /// The question; empty where the run asked none of the three.
    pub(super) question: &'static str,
    /// One sentence.
    pub(super) sentence: String,
    /// What it rests on and what must be known of it: intervals and counts, and then at most one line more.
    pub(super) support: Vec<String>,
}

impl Answer {
    /// An answer to `question`.
    pub(super) fn new(
        question: &'static str,
        sentence: String,
        support: impl IntoIterator<Item = String>,
    ) -> Answer {
        Answer { question, sentence, support: support.into_iter().collect() }
    }
}

/// All answers of a run, at least one.
pub(super) fn of(measured: &Measured<'_>) -> Vec<Answer> {
    let (file, summary) = (measured.file, &measured.summary);
    let start = (!summary.stacks.is_empty()).then(|| {
        let support = sentences::intervals(summary).into_iter();
        let aside = sentences::emulated(summary).or_else(|| ranking::sentence(summary));
        Answer::new("How long?", sentences::headline(summary), support.chain(aside))
    });
    let memory = measured.ledgers.as_deref().and_then(parts::memory::answer);
    let many = measured.density.as_ref().and_then(parts::density::answer);
    let answers: Vec<_> = [start, memory, many].into_iter().flatten().collect();
    if !answers.is_empty() {
        return answers;
    }
    let first = |said: Vec<String>| said.into_iter().next();
    let ladder = measured.steps.as_ref().and_then(|steps| first(parts::ladder::sentences(steps, &file.host)));
    let tax = || measured.prices.as_ref().and_then(|prices| first(parts::tax::sentences(prices, &file.host)));
    let said = ladder.or_else(tax).or_else(|| parts::counts::sentence(file));
    vec![Answer::new("", said.unwrap_or_else(|| sentences::headline(summary)), [])]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;
    use crate::samples::SamplesFile;

    fn answers(file: &SamplesFile) -> Vec<Answer> {
        of(&Measured::of(file))
    }

    #[test]
    fn each_question_has_one_sentence_and_little_beside_it() {
        let all = answers(&example::everything());
        let questions: Vec<_> = all.iter().map(|answer| answer.question).collect();
        assert_eq!(questions, ["How long?", "How much?", "How many?"]);
        for Answer { question, sentence, support } in &all {
            assert_eq!(sentence.matches(". ").count(), 0, "{question} {sentence}");
            assert!((1..=2).contains(&support.len()), "{support:#?}");
            assert!(support[0].contains("95 % interval") && support[0].contains("n = "), "{support:#?}");
        }
    }

    #[test]
    fn what_was_not_asked_is_not_answered() {
        let questions = |file| answers(&file).iter().map(|answer| answer.question).collect::<Vec<_>>();
        assert_eq!(questions(example::run()), ["How long?"]);
        assert_eq!(questions(example::with_density()), ["How many?"]);
        assert_eq!(questions(example::with_ladder()), [""]);
        assert_eq!(questions(example::with_tax()), [""]);
    }

    #[test]
    fn what_kvm_emulates_is_in_no_headline_and_memory_is_not_in_question() {
        let mut file = example::everything();
        file.host.guest_kernel = "emulated".into();
        let all = answers(&file);
        assert!(!all[0].sentence.contains("VM") && !all[0].sentence.contains("unikernel"), "{:?}", all[0]);
        assert!(all[0].sentence.contains("container"), "{:?}", all[0]);
        assert!(
            all[0].support[1].contains("unikernel") && all[0].support[1].contains("emulat"),
            "{:?}",
            all[0]
        );
        assert!(all[1].sentence.contains("unikernel") && all[2].sentence.contains("unikernel"), "{all:#?}");
    }
}
