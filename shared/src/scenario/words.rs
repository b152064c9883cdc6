//! Why a lead left a scenario, as people are told.

use super::Left;
use crate::playbook::Language::{self, En, Ja};

impl Left {
    /// Why, in words that stand behind a colon.
    #[must_use]
    pub fn words(&self, language: Language) -> String {
        let (en, ja) = match self {
            Self::Exit(name) => {
                return match language {
                    En => format!("the exit “{name}”"),
                    Ja => format!("終了条件「{name}」"),
                };
            }
            Self::Stopped(step) => {
                return match language {
                    En => format!("the step “{step}” ended it"),
                    Ja => format!("ステップ「{step}」で終了"),
                };
            }
            Self::End => ("came to the end", "最後まで終了"),
            Self::Goal => ("reached the goal", "目標達成"),
            Self::Unsubscribed => ("may be sent no marketing mail", "配信停止"),
            Self::InSales => ("sales has the lead in hand", "営業が対応中"),
            Self::StepGone => ("the step was taken away", "ステップの削除"),
            Self::ScenarioGone => ("the scenario was taken away", "シナリオの削除"),
            Self::ByHand => ("ended by hand", "手動で終了"),
            Self::Merged => ("merged into another lead", "別のリードへ統合"),
        };
        match language {
            En => en,
            Ja => ja,
        }
        .to_owned()
    }
}
