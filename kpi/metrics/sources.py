"""Where formulas come from, as it is told in Chinese. Declarations name their source in English."""

_ICBC = "工商银行电子银行中心，2015"

CHINESE: dict[str, str] = {
    "centre's own practice": "中心自定",
    "industry standard": "行业通行",
    "industry standard: at most 5 %": "行业通行：不超过 5%",
    "ICBC Electronic Banking Centre, 2015: over 7 times": f"{_ICBC}：7 倍以上",
    "ICBC Electronic Banking Centre, 2015: WeChat's own over 95 %": f"{_ICBC}：微信自身超过 95%",
    "ICBC Electronic Banking Centre, 2015: online-to-offline": f"{_ICBC}：线上线下互动",
    "China Banking Association": "中国银行业协会",
    "China Banking Association: 94.15 % (2021), 88.28 % (2022), 92.88 % (2023), 94.18 % (2024)": (
        "中国银行业协会：94.15%（2021）、88.28%（2022）、92.88%（2023）、94.18%（2024）"
    ),
    "Reichheld, 2003": "赖克哈尔德（Reichheld），2003",
    "CEB CES 2.0": "企业高管委员会（CEB）客户费力度 2.0",
    "consumer-protection reporting practice": "消费者权益保护报送惯例",
    "Measures for the handling of consumer complaints in banking and insurance, 2020": (
        "《银行业保险业消费投诉处理管理办法》，2020"
    ),
    "tail rule of the centre; unless set: outside the top 20 % of open customers by value in the last closed month": (
        "中心的长尾规则；未另设时：上一个已结月份，在户客户中按价值不在前 20%"
    ),
    "Pareto": "帕累托（Pareto）",
    "Gini, 1912": "基尼（Gini），1912",
    "tail dividend": "长尾红利",
    "Anderson, The Long Tail, applied to questions": "安德森（Anderson）《长尾理论》，用于问题",
}


def source_name(source: str, language: str) -> str:
    """A declaration's source in the reader's language."""
    return CHINESE.get(source, source) if language == "zh" else source
