"""Curve synthesis: one pooled survival curve from whatever each study prints of its own.

Papers print a 5-year rate here, a median there, a mean, a 4-year rate, a curve at several times.
Each is a partial sight of one survival curve per study; pooled separately, a median is lost to the
5-year rate and the other way round. Here they are pooled as what they are.

**The model.** Every study has a curve of one family, S(t) = exp(-H(eta)): Weibull, log-logistic and
log-normal, where eta = location + shape * log t, or hazards that are constant in pieces, where eta
= location + log cumulative hazard. Locations are normal around that of the average study (and log
shapes too, where asked). Given its curve, what a study prints is

- *rates*: of the patients at risk between two printed times each dies with the probability the
  curve says. How many are at risk is worked out from the number of patients, from numbers at risk,
  or from the standard error or interval printed with the rate;
- *a median or other quantile*: the time of death of one patient with the others before or after
  it. Its variance is that of S there over the squared density, 1/(4 n f²) for a median, and the
  slope of the curve stands in its likelihood: without that factor a flat curve would fit every
  median;
- *a mean*: the average of the survival times, with what rates and medians of the same patients say
  of it already taken off.

So the numbers of one study are correlated as they should be, 0 % and 100 % need no correction, and
each study counts its patients once. Study effects are integrated out by adaptive Gauss-Hermite
quadrature; what varies between studies is estimated by an adjusted profile likelihood (REML where
all is normal), intervals use t. With one rate per study at one time this *is* random-effects
pooling of those rates on the scale of the link: exactly so with ``within="normal"``.

**Why not normal within studies.** With variances at the printed survival, low rates look too
certain and pull the curve; ``validation/curve_synthesis`` simulates by how much. The binomial
likelihood has its variances at the fitted curve by construction.

**What to read.** The pooled curve is that of the average study, with confidence limits; a new study
is expected within the prediction limits. Each study's own curve stands beside what it printed: a
large standardised residual says look that number up again. AIC compares families on the same
numbers; when they disagree only beyond the printed times, nothing printed can decide.

**What not to conclude.** A number of patients says nothing of censoring, so numbers printed bare
are taken for more certain than they are; the variation between studies takes up some of that.
What is pooled describes the patients these studies chose.

:func:`summary_curve` supposes no family: for studies that give their curves at the same times.

================================  =============================================================
:func:`curve_summaries`           what a review's findings say of each study's curve
:func:`pool_curves`               the pooled curve of one family
:func:`compare_families`          the same numbers under several families
:func:`summary_curve`             the distribution-free summary of Combescure and others
:class:`CurveSummary`             what one study prints, made of :class:`CurveObservation`
================================  =============================================================
"""

from secondlook.synthesis.curve_synthesis.bands import SurvivalBand, TimeEstimate
from secondlook.synthesis.curve_synthesis.evidence_summaries import curve_summaries
from secondlook.synthesis.curve_synthesis.families import FAMILIES
from secondlook.synthesis.curve_synthesis.family_comparison import (
    FamilyComparison,
    FamilyRow,
    compare_families,
)
from secondlook.synthesis.curve_synthesis.pooling import pool_curves
from secondlook.synthesis.curve_synthesis.result import Parameter, PooledCurves
from secondlook.synthesis.curve_synthesis.study_curves import PrintedNumber, StudyCurve
from secondlook.synthesis.curve_synthesis.summaries import CurveObservation, CurveSummary
from secondlook.synthesis.curve_synthesis.summary_curve import summary_curve
from secondlook.synthesis.curve_synthesis.summary_curve_result import SummaryCurve, SummaryEstimate

__all__ = [
    "FAMILIES",
    "CurveObservation",
    "CurveSummary",
    "FamilyComparison",
    "FamilyRow",
    "Parameter",
    "PooledCurves",
    "PrintedNumber",
    "StudyCurve",
    "SummaryCurve",
    "SummaryEstimate",
    "SurvivalBand",
    "TimeEstimate",
    "compare_families",
    "curve_summaries",
    "pool_curves",
    "summary_curve",
]
