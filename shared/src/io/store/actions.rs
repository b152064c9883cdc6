//! The actions of a transaction.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::builders::{ConditionCheckBuilder, DeleteBuilder, PutBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};

use super::super::Error;
use super::keys::Item;

/// Puts the item unless its key is taken.
pub(super) fn put_if_absent(table: &str, item: Item) -> Result<TransactWriteItem, Error> {
    put(Put::builder().table_name(table).set_item(Some(item)).condition_expression("attribute_not_exists(pk)"))
}

/// Puts an item.
pub(super) fn put(put: PutBuilder) -> Result<TransactWriteItem, Error> {
    Ok(TransactWriteItem::builder().put(put.build().map_err(unbuilt)?).build())
}

/// Changes attributes of an item, which comes about if it is not there.
pub(super) fn update(update: UpdateBuilder) -> Result<TransactWriteItem, Error> {
    Ok(TransactWriteItem::builder().update(update.build().map_err(unbuilt)?).build())
}

/// Deletes an item.
pub(super) fn delete(delete: DeleteBuilder) -> Result<TransactWriteItem, Error> {
    Ok(TransactWriteItem::builder().delete(delete.build().map_err(unbuilt)?).build())
}

/// Changes nothing, but fails the transaction if the condition does not hold.
pub(super) fn check(check: ConditionCheckBuilder) -> Result<TransactWriteItem, Error> {
    Ok(TransactWriteItem::builder().condition_check(check.build().map_err(unbuilt)?).build())
}

/// A request that lacks something. All that a request needs is set where it is built, so this never comes.
pub(super) fn unbuilt(error: BuildError) -> Error {
    Error::never(format!("a request cannot be built: {error}"))
}
