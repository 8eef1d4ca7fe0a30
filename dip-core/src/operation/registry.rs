//! Which operations exist: a stored plan names them, and here they are found again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Applied, Call, Check, Context, Operation, OperationError};

/// All operations of the layers in use, by name.
#[derive(Default, Clone)]
pub struct Operations {
    known: BTreeMap<&'static str, Arc<dyn Decode>>,
}

impl Operations {
    /// Registers an operation.
    pub fn register<O: Operation>(&mut self) {
        self.known.insert(O::NAME, Arc::new(Typed::<O>(std::marker::PhantomData)));
    }

    /// The operation of a call, with its input read.
    ///
    /// # Errors
    /// Where no layer in use has that operation, or its input is not of its type.
    pub fn load(&self, call: &Call) -> Result<Box<dyn Runnable>, OperationError> {
        let decode =
            self.known.get(call.operation()).ok_or_else(|| OperationError::NotKnown(call.operation().to_owned()))?;
        decode
            .decode(call.input())
            .map_err(|source| OperationError::Input { operation: call.operation().to_owned(), source })
    }

    /// Whether an operation of that name is registered.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.known.keys()).finish()
    }
}

/// An operation with its input, ready to run: [`Operation`] without its type.
#[async_trait]
pub trait Runnable: fmt::Debug + Send + Sync {
    /// Looks, and changes nothing.
    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError>;
    /// Makes it so.
    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError>;
}

#[async_trait]
impl<O: Operation> Runnable for O {
    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        Operation::check(self, cx).await
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        Operation::apply(self, cx).await
    }
}

trait Decode: Send + Sync {
    fn decode(&self, input: &str) -> Result<Box<dyn Runnable>, serde_json::Error>;
}

struct Typed<O>(std::marker::PhantomData<fn() -> O>);

impl<O: Operation> Decode for Typed<O> {
    fn decode(&self, input: &str) -> Result<Box<dyn Runnable>, serde_json::Error> {
        Ok(Box::new(serde_json::from_str::<O>(input)?))
    }
}
