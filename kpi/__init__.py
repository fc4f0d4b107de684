"""The product's knowledge: what each KPI means, and the one way to compute it.

Importable without Streamlit. ``python -m kpi`` is the command line.
"""
