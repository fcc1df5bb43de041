//! What travels with every call: the nodes it passed, its deadline, its trace.

use std::time::Duration;

use bulla_core::NodeId;
use bulla_core::limits::MAX_HOPS;

use crate::{Result, StoreError};

/// The nodes a request has passed, first to last; at most 16 (HOP-1, HOP-2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HopPath(Vec<NodeId>);

impl HopPath {
    /// A path from outside; `None` when it is too long or names a node twice.
    #[must_use]
    pub fn new(nodes: Vec<NodeId>) -> Option<Self> {
        let distinct = nodes
            .iter()
            .enumerate()
            .all(|(i, node)| !nodes.iter().take(i).any(|earlier| earlier == node));
        (nodes.len() <= MAX_HOPS && distinct).then_some(Self(nodes))
    }

    /// The nodes, first to last.
    #[must_use]
    pub fn nodes(&self) -> &[NodeId] {
        &self.0
    }

    /// This path with one more node.
    ///
    /// # Errors
    ///
    /// [`StoreError::Loop`] when the node is on the path already, or the path is full. It is checked before a request
    /// may join another one under way, so that a ring of nodes is refused and never waits for itself (HOP-3).
    pub fn through(&self, node: NodeId) -> Result<Self> {
        if self.0.contains(&node) || self.0.len() >= MAX_HOPS {
            return Err(StoreError::Loop(node));
        }
        let mut nodes = self.0.clone();
        nodes.push(node);
        Ok(Self(nodes))
    }
}

/// What travels with every call. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    /// The nodes the request has passed.
    pub hops: HopPath,
    /// When the caller stops waiting, on the monotonic time of the process's [`Clock`](crate::Clock); `None` for never.
    pub deadline: Option<Duration>,
    /// The request id in logs; empty if the request began here.
    pub request_id: String,
    /// The trace the call belongs to.
    pub span: tracing::Span,
}

impl Context {
    /// A call that begins here, without a deadline.
    #[must_use]
    pub fn new() -> Self {
        Self {
            hops: HopPath::default(),
            deadline: None,
            request_id: String::new(),
            span: tracing::Span::none(),
        }
    }

    /// The same with a deadline.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}
