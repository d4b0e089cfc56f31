//! Those that save with TensorStore.

use super::{Form, PLAIN};
use crate::select::checkpoint::layout::Layout;

pub(super) const FORMS: &[Form] = &[
    Form {
        layout: Layout::Orbax,
        group: "@/",
        members: &[
            "meta/metadata",
            "meta/commit_success.txt",
            "state/ocdbt.process_0/d/4cba",
            "state/ocdbt.process_0/manifest.ocdbt",
            "state/_METADATA",
            "state/d/0f1e",
            "state/manifest.ocdbt",
            "state/commit_success.txt",
            "_CHECKPOINT_METADATA",
            "commit_success.txt",
        ],
        needs: &["state/manifest.ocdbt", "state/commit_success.txt", "_CHECKPOINT_METADATA", "commit_success.txt"],
        temporary: Some("@.orbax-checkpoint-tmp/"),
        ..PLAIN
    },
    Form {
        layout: Layout::Orbax,
        group: "step_@7/",
        members: &[
            "default/ocdbt.process_0/d/4cba",
            "default/ocdbt.process_0/manifest.ocdbt",
            "default/_METADATA",
            "default/manifest.ocdbt",
            "_CHECKPOINT_METADATA",
        ],
        needs: &["default/ocdbt.process_0/d/4cba", "_CHECKPOINT_METADATA", "default/manifest.ocdbt"],
        temporary: Some("step_@7.orbax-checkpoint-tmp-1718/"),
        ..PLAIN
    },
    Form {
        layout: Layout::Orbax,
        group: "t5_@/",
        members: &["default/w/.zarray", "default/w/0.0", "default/w/0.1", "default/_METADATA", "_CHECKPOINT_METADATA"],
        needs: &["_CHECKPOINT_METADATA"],
        temporary: Some("t5_@.orbax-checkpoint-tmp-1718/"),
        ..PLAIN
    },
    Form {
        layout: Layout::Levanter,
        group: "step-@/",
        members: &["model/embeddings/0.0", "model/embeddings/.zarray", "opt_state/mu/0.0", "metadata.json"],
        needs: &["model/embeddings/0.0", "metadata.json"],
        state: &["opt_state/mu/0.0"],
        ..PLAIN
    },
    Form {
        layout: Layout::Levanter,
        group: "step-@/",
        members: &["d/0123456789abcdef0123456789abcdef", "manifest.ocdbt", "manifest.json", "metadata.json"],
        needs: &["d/0123456789abcdef0123456789abcdef", "manifest.ocdbt", "metadata.json"],
        ..PLAIN
    },
];
