"""An empty home: make the demo bank, or import a file. Both run in a process of their own."""

import streamlit as st

from kpi.i18n import Language, phrase
from pages import components


def render(language: Language) -> None:
    st.title(phrase(language, "first_title"), anchor=False)
