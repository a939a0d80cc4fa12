-- The A-share tables. Amounts are yuan; `adj_close` of cn_stock_bars is back-adjusted.

CREATE TABLE main.cn_industry_bars (
    date DATE NOT NULL, industry VARCHAR NOT NULL, close DOUBLE NOT NULL, amount DOUBLE, turnover_rate DOUBLE,
    pe_ttm DOUBLE, pb DOUBLE, float_cap DOUBLE,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
CREATE TABLE main.cn_index_bars (
    date DATE NOT NULL, "index" VARCHAR NOT NULL, close DOUBLE, amount DOUBLE, pe_ttm DOUBLE, dividend_yield DOUBLE,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
CREATE TABLE main.cn_stock_bars (
    date DATE NOT NULL, symbol VARCHAR NOT NULL, adj_close DOUBLE NOT NULL,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
CREATE TABLE main.cn_concept_bars (
    date DATE NOT NULL, concept VARCHAR NOT NULL, close DOUBLE NOT NULL,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
CREATE TABLE main.cn_members (
    industry VARCHAR NOT NULL, symbol VARCHAR NOT NULL, from_date DATE NOT NULL, to_date DATE,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
CREATE TABLE main.cn_breadth (
    date DATE NOT NULL, advancers DOUBLE NOT NULL, decliners DOUBLE NOT NULL, new_highs DOUBLE, new_lows DOUBLE,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
CREATE TABLE main.cn_bond_yields (
    date DATE NOT NULL, tenor_years DOUBLE NOT NULL, "yield" DOUBLE NOT NULL,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
CREATE TABLE main.cn_margin (
    date DATE NOT NULL, symbol VARCHAR, balance DOUBLE NOT NULL, buy DOUBLE, repay DOUBLE,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
CREATE TABLE main.cn_etf_shares (
    date DATE NOT NULL, code VARCHAR NOT NULL, shares DOUBLE NOT NULL,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
CREATE TABLE main.cn_new_funds (
    date DATE NOT NULL, fund VARCHAR, kind VARCHAR, units DOUBLE NOT NULL,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
CREATE TABLE main.cn_northbound (
    date DATE NOT NULL, turnover DOUBLE NOT NULL, trades DOUBLE, net_buy DOUBLE,
    session DATE NOT NULL, known_at TIMESTAMPTZ_NS NOT NULL, file INTEGER NOT NULL, record BIGINT NOT NULL, assumed VARCHAR
);
