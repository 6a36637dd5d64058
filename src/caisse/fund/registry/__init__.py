"""Providers and their codes, who may execute for whom, insured persons and their entitlement."""
