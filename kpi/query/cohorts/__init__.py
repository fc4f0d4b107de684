"""KPIs of cohorts of customers, topics and complaints: a module a family, each KPI with its figure and its rows."""
