"""Writes reference.json: what SciPy and statsmodels make of small examples. Needs Debian's python3-scipy and
python3-statsmodels:

    python3 reference.py > reference.json
"""

import json

import numpy as np
import scipy.stats as st
import statsmodels.api as sm
from scipy.special import comb
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import proportion_confint

rng = np.random.default_rng(7)
out = {}

out["wilson"] = [
    {"correct": c, "n": n, "alpha": a, "bounds": proportion_confint(c, n, alpha=a, method="wilson")}
    for c, n, a in [(0, 5, 0.05), (8, 10, 0.05), (37, 120, 0.01), (120, 120, 0.1)]
]
out["mcnemar"] = [
    {"only_a": a, "only_b": b, "p": float(mcnemar([[9, a], [b, 4]], exact=True).pvalue)}
    for a, b in [(0, 1), (5, 5), (1, 8), (30, 14), (200, 260)]
]
p = [0.02, 0.001, 0.03, 0.5, 0.011]
out["holm"] = {"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()}
out["pass_at_k"] = [
    {"n": n, "correct": c, "k": k, "value": 1 - comb(n - c, k, exact=True) / comb(n, k, exact=True)}
    for n, c, k in [(10, 0, 3), (10, 2, 1), (10, 2, 5), (10, 8, 3), (200, 7, 100), (5, 5, 5)]
]
x = rng.normal(size=12).round(3)
cluster = [0, 0, 0, 1, 1, 2, 3, 3, 3, 3, 4, 4]
fit = sm.OLS(x, np.ones_like(x)).fit(cov_type="cluster", cov_kwds={"groups": np.array(cluster)})
out["clustered"] = {"x": x.tolist(), "cluster": cluster, "mean": fit.params[0], "se": fit.bse[0], "plain": st.sem(x)}

a, b = rng.normal(0.4, 1, 9).round(3), rng.normal(0, 1, 9).round(3)
test = st.permutation_test((a, b), lambda x, y: np.mean(x) - np.mean(y), permutation_type="samples", n_resamples=np.inf)
n = len(a)
tail = st.norm.cdf(-np.sqrt(n / (n - 1)) * st.t.ppf(0.975, n - 1))  # of the expanded percentile interval
boot = st.bootstrap((a, b), lambda x, y: np.mean(x) - np.mean(y), paired=True, vectorized=False, n_resamples=20000,
                    confidence_level=1 - 2 * tail, method="percentile", random_state=1)
t = st.ttest_rel(a, b)
out["paired"] = {
    "a": a.tolist(), "b": b.tolist(),
    "permutation": float(test.pvalue), "bootstrap": list(boot.confidence_interval), "t_test": float(t.pvalue),
}

# The exact power of the paired t-test at the effect that is called detectable at 80 %.
out["detectable"] = [{"n": n, "alpha": 0.05, "effect": float(TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8))} for n in [5, 10, 30, 200]]

print(json.dumps(out, indent=1))
