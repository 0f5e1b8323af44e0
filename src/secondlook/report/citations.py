"""The papers behind the methods, cited in the report when their method was used."""

from __future__ import annotations

from collections.abc import Iterable

from secondlook.synthesis import AnalysisResult

__all__ = ["CITATIONS", "cited"]

CITATIONS: dict[str, str] = {
    "REML": "Viechtbauer W. Bias and efficiency of meta-analytic variance estimators in the "
    "random-effects model. J Educ Behav Stat 2005;30:261–293.",
    "DL": "DerSimonian R, Laird N. Meta-analysis in clinical trials. "
    "Control Clin Trials 1986;7:177–188.",
    "PM": "Paule RC, Mandel J. Consensus values and weighting factors. "
    "J Res Natl Bur Stand 1982;87:377–385.",
    "ML": "Hardy RJ, Thompson SG. A likelihood approach to meta-analysis with random effects. "
    "Stat Med 1996;15:619–629.",
    "EB": "Morris CN. Parametric empirical Bayes inference: theory and applications. "
    "J Am Stat Assoc 1983;78:47–55.",
    "SJ": "Sidik K, Jonkman JN. Simple heterogeneity variance estimation for meta-analysis. "
    "J R Stat Soc C 2005;54:367–384.",
    "HE": "Hedges LV, Olkin I. Statistical methods for meta-analysis. Orlando: Academic Press; "
    "1985.",
    "HS": "Hunter JE, Schmidt FL. Methods of meta-analysis. 2nd ed. Thousand Oaks: Sage; 2004.",
    "hksj": "Hartung J, Knapp G. A refined method for the meta-analysis of controlled clinical "
    "trials with binary outcome. Stat Med 2001;20:3875–3889.",
    "sidik": "Sidik K, Jonkman JN. A simple confidence interval for meta-analysis. "
    "Stat Med 2002;21:3153–3159.",
    "safeguard": "Knapp G, Hartung J. Improved tests for a random effects meta-regression with a "
    "single covariate. Stat Med 2003;22:2693–2710.",
    "prediction": "Higgins JPT, Thompson SG, Spiegelhalter DJ. A re-evaluation of random-effects "
    "meta-analysis. J R Stat Soc A 2009;172:137–159.",
    "q-profile": "Viechtbauer W. Confidence intervals for the amount of heterogeneity in "
    "meta-analysis. Stat Med 2007;26:37–52.",
    "i2": "Higgins JPT, Thompson SG. Quantifying heterogeneity in a meta-analysis. "
    "Stat Med 2002;21:1539–1558.",
    "freeman-tukey": "Freeman MF, Tukey JW. Transformations related to the angular and the square "
    "root. Ann Math Stat 1950;21:607–611.",
    "miller": "Miller JJ. The inverse of the Freeman-Tukey double arcsine transformation. "
    "Am Stat 1978;32:138.",
    "ratio": "Parmar MKB, Torri V, Stewart L. Extracting summary statistics to perform "
    "meta-analyses of the published literature for survival endpoints. "
    "Stat Med 1998;17:2815–2834.",
    "routes": "Tierney JF, Stewart LA, Ghersi D, Burdett S, Sydes MR. Practical methods for "
    "incorporating summary time-to-event data into meta-analysis. Trials 2007;8:16.",
    "binomial": "Stijnen T, Hamza TH, Özdemir P. Random effects meta-analysis of event outcome in "
    "the framework of the generalized linear mixed model. Stat Med 2010;29:3046–3067.",
    "harvest": "Ogilvie D, Fayter D, Petticrew M, et al. The harvest plot: a method for "
    "synthesising evidence about the differential effects of interventions. "
    "BMC Med Res Methodol 2008;8:8.",
}
"""Short name of a method, and where it was published."""


def cited(results: Iterable[AnalysisResult], *, harvest: bool) -> tuple[str, ...]:
    """List the papers behind the methods these results used, in the order of :data:`CITATIONS`."""
    used = {"harvest"} if harvest else set()
    for result in results:
        pooled, plan = result.pooled, result.analysis
        if pooled is None:
            continue
        if plan.effect.startswith("hazard_ratio"):
            used.add("ratio")
        if plan.effect == "survival" and plan.transform == "freeman-tukey":
            used |= {"freeman-tukey", "miller"}
        used |= {"routes"} if result.routes is not None else set()
        used |= {"binomial"} if result.models else set()
        if pooled.k == 1:
            continue
        used |= {pooled.method, "i2"}
        if pooled.test.startswith("hksj"):
            used |= {"hksj", "sidik"}
        if pooled.test == "hksj":
            used.add("safeguard")
        if pooled.tau2_interval is not None:
            used.add("q-profile")
        if pooled.prediction_interval is not None:
            used.add("prediction")
    return tuple(paper for method, paper in CITATIONS.items() if method in used)
