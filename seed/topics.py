"""What customers come for, and the 60 self-service functions that serve it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """``weight``: how often it is asked, relative to the others. ``team``: the specialists on the hotline."""

    id: str
    zh: str
    en: str
    business_line: str
    complexity: str
    weight: float
    team: str = "general"
    referable: bool = False


TOPICS: tuple[Topic, ...] = (
    Topic("balance", "余额查询", "Balance", "account", "standard", 13.0),
    Topic("statement", "明细与对账", "Statements", "account", "standard", 9.0),
    Topic("card_bill", "信用卡账单与还款", "Card bill and repayment", "account", "standard", 9.5, "card"),
    Topic("transfer", "转账汇款", "Transfers", "payment", "standard", 8.0),
    Topic("branch_info", "网点与营业时间", "Branches and hours", "account", "standard", 4.5),
    Topic("card_progress", "办卡进度", "Card application status", "account", "standard", 4.0, "card"),
    Topic("points", "积分与权益", "Points and benefits", "account", "standard", 3.6, "card"),
    Topic("mobile_bank", "手机银行使用", "Using mobile banking", "direct_bank", "standard", 3.8, "ebank"),
    Topic("fx_rates", "汇率与金价", "Exchange and gold rates", "investment", "standard", 3.0),
    Topic("deposit_rates", "存款利率", "Deposit rates", "investment", "standard", 2.9),
    Topic("login_password", "登录与密码", "Login and passwords", "direct_bank", "personal", 3.9, "ebank"),
    Topic("bill_payment", "生活缴费", "Utility payments", "payment", "standard", 3.0),
    Topic("notices", "余额变动提醒", "Balance alerts", "account", "standard", 2.6),
    Topic("quick_pay", "快捷支付", "Quick payment", "payment", "standard", 2.4),
    Topic("card_limit", "信用卡额度", "Card limit", "account", "personal", 2.4, "card"),
    Topic("instalment", "信用卡分期", "Card instalments", "financing", "personal", 2.0, "card"),
    Topic("loss_report", "挂失与补卡", "Loss and replacement", "account", "personal", 1.9, "card"),
    Topic("wealth", "理财产品", "Wealth products", "investment", "personal", 2.1, "invest", True),
    Topic("funds", "基金", "Funds", "investment", "personal", 1.4, "invest", True),
    Topic("loan_progress", "贷款进度与还款", "Loan status and repayment", "financing", "personal", 1.6, "loan"),
    Topic("mortgage", "个人住房贷款", "Mortgage", "financing", "complex", 0.9, "loan"),
    Topic("e_loan", "融e借", "Online loan", "financing", "personal", 1.2, "loan"),
    Topic("shop_order", "融e购订单与物流", "Shop orders and delivery", "shop", "standard", 1.5, "shop"),
    Topic("shop_refund", "融e购退换货", "Shop returns", "shop", "personal", 0.6, "shop"),
    Topic("shop_coupon", "融e购优惠券", "Shop coupons", "shop", "standard", 0.7, "shop"),
    Topic("link_im", "融e联使用", "Using ICBC Link", "messaging", "standard", 1.0, "ebank"),
    Topic("direct_account", "融e行开户", "Direct bank account", "direct_bank", "personal", 0.8, "ebank"),
    Topic("u_shield", "U盾与安全", "Security key", "direct_bank", "personal", 1.1, "ebank"),
    Topic("large_cash", "大额取现预约", "Large-cash booking", "account", "personal", 1.0, "general", True),
    Topic("fees", "收费标准", "Fees", "account", "standard", 1.2),
    Topic("fx_purchase", "购汇结汇", "Foreign exchange", "investment", "personal", 0.7, "invest"),
    Topic("precious_metal", "贵金属", "Precious metals", "investment", "personal", 0.6, "invest", True),
    Topic("insurance", "银保产品", "Insurance", "investment", "complex", 0.4, "invest", True),
    Topic("fraud", "盗刷与诈骗", "Fraud", "payment", "complex", 0.7, "complaints"),
    Topic("dispute", "交易争议", "Disputed transactions", "payment", "complex", 0.5, "complaints"),
    Topic("complaint", "投诉与建议", "Complaints and suggestions", "account", "complex", 0.5, "complaints"),
    Topic("cross_border", "跨境汇款", "Cross-border payments", "payment", "complex", 0.4),
    Topic("etc", "ETC 业务", "Motorway toll tag", "payment", "standard", 0.8),
    Topic("social_card", "社保卡", "Social security card", "account", "personal", 0.7),
    Topic("pension", "养老金账户", "Pension account", "investment", "personal", 0.3, "invest", True),
    Topic("private_banking", "私人银行服务", "Private banking", "investment", "complex", 0.15, "invest", True),
    Topic("business_loan", "小微贷款", "Small-business loan", "financing", "complex", 0.35, "loan"),
)

# (id, zh, en, topic): those of one topic in the order of their use.
FUNCTIONS: tuple[tuple[str, str, str, str], ...] = (
    ("balance_query", "余额查询", "Balance enquiry", "balance"),
    ("balance_all", "名下账户总览", "All my accounts", "balance"),
    ("statement_query", "明细查询", "Transaction list", "statement"),
    ("statement_mail", "对账单寄送", "Statement by mail", "statement"),
    ("statement_stamp", "电子回单", "Electronic receipt", "statement"),
    ("bill_query", "信用卡账单查询", "Card bill enquiry", "card_bill"),
    ("bill_repay", "信用卡还款", "Card repayment", "card_bill"),
    ("bill_autopay", "自动还款设置", "Automatic repayment", "card_bill"),
    ("transfer_own", "行内转账", "Transfer within the bank", "transfer"),
    ("transfer_other", "跨行转账", "Transfer to another bank", "transfer"),
    ("transfer_mobile", "手机号转账", "Transfer to a mobile number", "transfer"),
    ("transfer_status", "汇款状态查询", "Transfer status", "transfer"),
    ("branch_find", "附近网点", "Nearby branches", "branch_info"),
    ("branch_queue", "网点预约取号", "Branch queue ticket", "branch_info"),
    ("branch_hours", "营业时间查询", "Opening hours", "branch_info"),
    ("card_status", "办卡进度查询", "Application status", "card_progress"),
    ("card_activate", "信用卡激活", "Card activation", "card_progress"),
    ("points_query", "积分查询", "Points enquiry", "points"),
    ("points_redeem", "积分兑换", "Redeem points", "points"),
    ("mobile_open", "手机银行注册", "Register mobile banking", "mobile_bank"),
    ("mobile_guide", "功能导航", "Feature guide", "mobile_bank"),
    ("fx_query", "外汇牌价", "Exchange rates", "fx_rates"),
    ("gold_query", "金价查询", "Gold price", "fx_rates"),
    ("deposit_query", "存款利率查询", "Deposit rates", "deposit_rates"),
    ("deposit_calc", "存款计算器", "Deposit calculator", "deposit_rates"),
    ("password_reset", "登录密码重置", "Reset login password", "login_password"),
    ("device_bind", "设备绑定", "Bind a device", "login_password"),
    ("pay_phone", "话费充值", "Mobile top-up", "bill_payment"),
    ("pay_power", "电费缴纳", "Electricity bill", "bill_payment"),
    ("pay_water", "水燃气缴纳", "Water and gas bill", "bill_payment"),
    ("notice_open", "开通变动提醒", "Switch alerts on", "notices"),
    ("notice_change", "提醒设置修改", "Change alerts", "notices"),
    ("quick_open", "开通快捷支付", "Enable quick payment", "quick_pay"),
    ("quick_limit", "支付限额设置", "Payment limits", "quick_pay"),
    ("limit_query", "额度查询", "Limit enquiry", "card_limit"),
    ("limit_raise", "临时额度申请", "Temporary limit", "card_limit"),
    ("instalment_apply", "分期申请", "Apply for instalments", "instalment"),
    ("instalment_calc", "分期试算", "Instalment calculator", "instalment"),
    ("loss_temporary", "临时挂失", "Temporary block", "loss_report"),
    ("loss_replace", "补卡申请", "Replace a card", "loss_report"),
    ("wealth_list", "理财产品查询", "Wealth products", "wealth"),
    ("wealth_book", "理财预约", "Book a wealth product", "wealth"),
    ("fund_net", "基金净值", "Fund prices", "funds"),
    ("fund_plan", "基金定投", "Fund savings plan", "funds"),
    ("loan_status", "贷款进度查询", "Loan status", "loan_progress"),
    ("loan_repay", "提前还款预约", "Book early repayment", "loan_progress"),
    ("mortgage_calc", "房贷计算器", "Mortgage calculator", "mortgage"),
    ("e_loan_apply", "融e借申请", "Apply for an online loan", "e_loan"),
    ("shop_track", "订单查询", "Track an order", "shop_order"),
    ("shop_return", "退货申请", "Request a return", "shop_refund"),
    ("shop_voucher", "领取优惠券", "Get a coupon", "shop_coupon"),
    ("link_bind", "融e联绑定", "Bind ICBC Link", "link_im"),
    ("direct_open", "融e行开户", "Open a direct account", "direct_account"),
    ("shield_update", "U盾证书更新", "Renew security key", "u_shield"),
    ("cash_book", "大额取现预约", "Book large cash", "large_cash"),
    ("fee_query", "收费查询", "Fee enquiry", "fees"),
    ("fx_buy", "购汇申请", "Buy foreign currency", "fx_purchase"),
    ("metal_price", "贵金属行情", "Precious metal prices", "precious_metal"),
    ("etc_apply", "ETC 申请", "Apply for a toll tag", "etc"),
    ("pension_query", "养老金查询", "Pension enquiry", "pension"),
)

CODE: dict[str, int] = {topic.id: code for code, topic in enumerate(TOPICS)}
