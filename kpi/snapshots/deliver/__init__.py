"""A rendered copy handed over: one module a kind of target, one way to try, to wait and to give up."""

from kpi.snapshots.deliver.attempts import DeliveryResult, Status, deliver

__all__ = ["DeliveryResult", "Status", "deliver"]
