"""Advice on what is trained: images and texts (S3-38, S3-46), and on where it is watched (S3-84). Pure data.

Source: learn.microsoft.com, "Machine learning operations" (computer vision and natural language processing
architectures).
"""

from __future__ import annotations

from controlplane.workspaces import kinds
from controlplane.workspaces.posture.advice_model import Advice
from controlplane.workspaces.spec_model import Workload

WORKLOAD_ADVICE = (
    Advice(
        "LogsByWorkspaceSetUp",
        ("S3-84",),
        "$.project",
        "Where monitoring lives follows the set-up. A project's workspace, as this one, has a Log Analytics workspace "
        "of its own in its group: monitors, alerts and the sweep read that, its cost and readers are the project's. "
        "A team that runs several projects asks theirs together (queries and log alerts across workspaces, by "
        "resource); a department with one platform adds a diagnostic setting of its own to its central one, and leaves "
        "this one, which ours is compared with.",
        lambda _, blueprint: any(one.type == kinds.LOG_ANALYTICS for one in blueprint.resources),
    ),
    Advice(
        "ImagesInBlobOrDataLake",
        ("S3-38",),
        "$.workload",
        "Images are kept in Blob Storage or Data Lake Storage Gen2, where labelling projects and jobs read them. The "
        "set-up has one more step: register some, and set a labelling project for them (`labelingProjects`).",
        lambda spec, _: spec.workload is Workload.CV,
    ),
    Advice(
        "TextsAreAnnotatedFirst",
        ("S3-46",),
        "$.workload",
        "The inner loop of a language model has steps of its own: sentence annotators, tokenisation, normalisation, "
        "embeddings; keep each as a component, so that a retraining runs the same ones. The set-up has one more step: "
        "register some texts, and set a labelling project for them (`labelingProjects`).",
        lambda spec, _: spec.workload is Workload.NLP,
    ),
)
