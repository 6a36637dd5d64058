"""Amounts in integer cents over whole columns; docs/pricing.md explains each step with worked numbers."""

from dataclasses import dataclass

import polars as pl

from caisse.agreement.money import round_half_up_expr

#: The columns `split_amounts` adds; in every row the first is the sum of the other three.
AMOUNTS = ("asked_cents", "paid_cents", "patient_cents", "refused_cents")


@dataclass(frozen=True, slots=True)
class Amounts:
    """How one asked amount falls apart, as expressions in cents: asked = paid + patient + refused."""

    asked: pl.Expr
    paid: pl.Expr
    patient: pl.Expr
    refused: pl.Expr

    def columns(self) -> list[pl.Expr]:
        """The four expressions under the names of ``AMOUNTS``."""
        parts = (self.asked, self.paid, self.patient, self.refused)
        return [part.alias(name) for part, name in zip(parts, AMOUNTS, strict=True)]


def line_tariff_cents(act_tariff_cents: pl.Expr, quantity: pl.Expr) -> pl.Expr:
    """The tariff of a line: the act's rounded tariff times the quantity (each is rounded, not the sum)."""
    return act_tariff_cents * quantity.cast(pl.Int64)


def patient_share_cents(fee_cents: pl.Expr, percent: int) -> pl.Expr:
    """The patient's share of a fee, half a cent up."""
    return round_half_up_expr(fee_cents * percent, 100) if percent else fee_cents * 0


def split_amounts(asked: pl.Expr, tariff: pl.Expr, *, payable: pl.Expr, share_percent: int) -> Amounts:
    """What is paid, borne by the patient and refused of ``asked`` (gross, cents).

    Never more than the tariff; a null tariff (a price only the fund knows) leaves the asked amount standing;
    nothing where not ``payable``.
    """
    fee = pl.when(payable).then(pl.min_horizontal(asked, tariff)).otherwise(0)
    patient = patient_share_cents(fee, share_percent)
    return Amounts(asked=asked, paid=fee - patient, patient=patient, refused=asked - fee)
