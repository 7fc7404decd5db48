"""The API's answers as Python values: typed where tools rely on them, tolerant of everything else.

What vintages say in different places is in one form here (see `dialects`). Unknown fields are ignored, enums are open
strings, ids pass through untouched. An optional field of an unexpected form counts as absent; only a required one
makes an answer unreadable (see `decoding`).
"""

from layers_mcp.api.models._fields import Page, PageReply
from layers_mcp.api.models.account import CreditEvent, Credits, Influencer, Project, ReviewPolicy, SocialAccount, Whoami
from layers_mcp.api.models.content import (
    Asset,
    CancelReply,
    Container,
    Decision,
    Job,
    JobError,
    OrderReply,
    SchedulePromotion,
)
from layers_mcp.api.models.performance import AdsContent, Metrics, MetricsWindow, Organic, RankedRow, Ranking
from layers_mcp.api.models.publishing import PublishReply, ScheduledPost

__all__ = [
    "AdsContent",
    "Asset",
    "CancelReply",
    "Container",
    "CreditEvent",
    "Credits",
    "Decision",
    "Influencer",
    "Job",
    "JobError",
    "Metrics",
    "MetricsWindow",
    "OrderReply",
    "Organic",
    "Page",
    "PageReply",
    "Project",
    "PublishReply",
    "RankedRow",
    "Ranking",
    "ReviewPolicy",
    "SchedulePromotion",
    "ScheduledPost",
    "SocialAccount",
    "Whoami",
]
