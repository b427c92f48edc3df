use crate::app::AppState;
use crate::cases::CaseEditor;
use crate::casework::follow;
use crate::db::unless_conflict;
use crate::error::{AppError, AppResult};
use crate::variants::{States, Together, VariantState};

/// Tries when others change the case at the same time.
const TRIES: usize = 8;

/// Variants as they stand, and as they would.
pub(in crate::decisions) type Changes = Vec<(Option<VariantState>, VariantState)>;

/// Writes what `changes` makes of the decisions as they stand, as one, and looks again when somebody changed the case
/// meanwhile; how many there were. Another list in place of the one that was read is a conflict.
pub(in crate::decisions) async fn write(
    app: &AppState,
    editor: &CaseEditor,
    look: bool,
    changes: impl Fn(States) -> AppResult<Changes>,
) -> AppResult<usize> {
    let mut read = editor.access().case().clone();
    for _ in 0..TRIES {
        let changes = changes(app.states.present(editor).await?)?;
        let count = changes.len();
        // What follows for the case is the same for each of them, as none becomes or ceases to be causative.
        let Some((_, first)) = changes.first() else { return Ok(0) };
        let moves = follow(app, editor, &read, first, first).await?;
        let together = Together { read: &read, changes, moves: moves.as_ref(), look };
        let now = app.clock.now();
        let written = app.states.decide_together(editor, &app.cases, &app.events, together, now).await;
        if unless_conflict(written)? {
            return Ok(count);
        }
        read = app.cases.again(editor, now).await?;
        if read.lists != editor.access().case().lists {
            break;
        }
    }
    Err(AppError::Conflict { rev: None })
}
