# Pins what metafor says, so that the tests need no R.  Rscript validation/metafor/reference.R
#
# metafor iterates to 1e-5 by default. Here every iteration is driven to the end of double precision
# and REML is started from several places, keeping the highest restricted log-likelihood, so that
# what is pinned is the mathematics and not a stopping rule.

suppressPackageStartupMessages(library(metafor))
stopifnot(packageVersion("metafor") == "3.8.1", packageVersion("metadat") == "1.2.0")

methods <- c(REML = "REML", DL = "DL", PM = "PM", common = "EE")
tests <- c("z", "t", "knha", "adhoc")

quietly <- function(expression) suppressWarnings(suppressMessages(expression))

# --- fits -----------------------------------------------------------------------------------------

control_for <- function(yi, vi, init = NULL) {
  spread <- max(sum((yi - mean(yi))^2), max(vi))
  values <- list(threshold = 1e-15 * spread, maxiter = 1e6, tol = 1e-300, tau2.max = 1e9 * spread)
  if (!is.null(init)) values$tau2.init <- init
  values
}

fit <- function(yi, vi, method, test, level) {
  starts <- if (method == "REML") list(NULL, 0, min(vi), var(yi), 4 * max(yi^2)) else list(NULL)
  fits <- lapply(starts, function(init) {
    quietly(try(rma(yi, vi, method = method, test = test, level = 100 * level,
                    control = control_for(yi, vi, init)), silent = TRUE))
  })
  fits <- Filter(function(f) !inherits(f, "try-error"), fits)
  stopifnot(length(fits) > 0)
  fits[[which.max(sapply(fits, function(f) as.numeric(logLik(f, REML = method == "REML"))))]]
}

default_tau2 <- function(yi, vi) {
  res <- quietly(try(rma(yi, vi, method = "REML"), silent = TRUE))
  if (inherits(res, "try-error")) NA else res$tau2
}

pair <- function(low, high) c(as.numeric(low), as.numeric(high))

one_fit <- function(yi, vi, name, test, level) {
  res <- fit(yi, vi, methods[[name]], test, level)
  random <- name != "common"
  out <- list(
    method = name, test = test, estimate = as.numeric(res$b), standard_error = res$se,
    interval = pair(res$ci.lb, res$ci.ub), statistic = res$zval, p_value = res$pval,
    degrees_of_freedom = as.numeric(res$ddf), variance_factor = as.numeric(res$s2w),
    tau2 = res$tau2, tau2_standard_error = if (random) res$se.tau2 else NA,
    i2 = res$I2, h2 = res$H2, q = res$QE, q_p_value = res$QEp,
    weights = as.numeric(weights(res))
  )
  if (!random) return(out)
  predicted <- predict(res)
  out$prediction_interval <- pair(predicted$pi.lb, predicted$pi.ub)
  bounds <- quietly(confint(res, control = control_for(yi, vi)))$random
  out$tau2_interval <- pair(bounds["tau^2", "ci.lb"], bounds["tau^2", "ci.ub"])
  out$i2_interval <- pair(bounds["I^2(%)", "ci.lb"], bounds["I^2(%)", "ci.ub"])
  out$h2_interval <- pair(bounds["H^2", "ci.lb"], bounds["H^2", "ci.ub"])
  out
}

left_out <- function(yi, vi, name, test, level) {
  res <- fit(yi, vi, methods[[name]], test, level)
  one <- as.data.frame(quietly(leave1out(res)))
  statistic <- if (is.null(one$tval)) one$zval else one$tval
  list(method = name, test = test, estimate = one$estimate, standard_error = one$se,
       statistic = statistic, p_value = one$pval, low = one$ci.lb, high = one$ci.ub,
       q = one$Q, q_p_value = one$Qp, tau2 = one$tau2, i2 = one$I2, h2 = one$H2)
}

case <- function(yi, vi, source, level = 0.95, names = NULL, leave1out = TRUE) {
  yi <- as.numeric(yi)
  vi <- as.numeric(vi)
  fits <- list()
  for (name in names(methods)) for (test in tests) {
    fits[[length(fits) + 1]] <- one_fit(yi, vi, name, test, level)
  }
  out <- list(source = source, level = level, yi = yi, vi = vi,
              default_reml_tau2 = default_tau2(yi, vi), fits = fits)
  if (!is.null(names)) out$names <- names
  if (leave1out) out$leave_one_out <- list(left_out(yi, vi, "REML", "adhoc", level),
                                           left_out(yi, vi, "DL", "z", level))
  out
}

# --- cases ----------------------------------------------------------------------------------------

from_escalc <- function(dat, source, ...) {
  dat <- dat[!is.na(dat$yi) & !is.na(dat$vi), ]
  case(dat$yi, dat$vi, source, ...)
}

bcg <- escalc("RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)
normand <- within(dat.normand1999, {
  sdpi <- sqrt(((n1i - 1) * sd1i^2 + (n2i - 1) * sd2i^2) / (n1i + n2i - 2))
})
normand <- escalc("MD", m1i = m1i, sd1i = sdpi, n1i = n1i, m2i = m2i, sd2i = sdpi, n2i = n2i,
                  data = normand)
hine <- escalc("RD", n1i = n1i, n2i = n2i, ai = ai, ci = ci, data = dat.hine1989)
collins <- escalc("OR", ai = pre.xti, n1i = pre.nti, ci = pre.xci, n2i = pre.nci,
                  data = dat.collins1985b)
li <- escalc("OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = dat.li2007)
yusuf <- escalc("OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = dat.yusuf1985,
                subset = (table == "6"))
debruin <- escalc("PLO", xi = xi, ni = ni, data = dat.debruin2009)
pritz <- escalc("PFT", xi = xi, ni = ni, data = dat.pritz1997)

# Pockaj and others 2010, Tables 1 and 2: patients and survival in percent, in the tables' order.
# Left out: cohorts without a rate (Table 1, third row from Japan), and rows that are a subset of the
# row above (complete resections in Table 2). Pocard's rate is at four years.
hepatic <- data.frame(
  name = c("Raab", "Seifert", "Selzner", "Pocard", "Carlini", "Elias", "Vlastos", "Sakamoto",
           "d'Annibale", "Ercolani", "Adam", "Caralt", "Lubrano", "Thelen"),
  n = c(34, 15, 17, 65, 17, 54, 31, 34, 18, 21, 85, 12, 16, 39),
  percent = c(18, 18, 22, 46, 46, 34, 61, 21, 30, 25, 37, 33, 33, 42)
)
pulmonary <- data.frame(
  name = c("Lanza", "Friedel 29", "McDonald", "Murabito", "Friedel 32", "Ludwig", "Planchard",
           "Welter", "Yoshimoto", "Chen"),
  n = c(37, 103, 60, 28, 467, 21, 125, 47, 90, 41),
  percent = c(50, 27, 38, 80, 35, 53, 45, 36, 54, 51)
)

series <- function(dat, source, scale) {
  s <- dat$percent / 100
  n <- dat$n
  if (scale == "logit") {
    out <- case(qlogis(s), 1 / (n * s * (1 - s)), source, names = dat$name)
  } else {
    out <- case(log(-log(s)), (1 - s) / (n * s * log(s)^2), source, names = dat$name)
  }
  c(out, list(scale = scale, survival = s, n = n))
}

table1 <- "Pockaj and others 2010, Table 1"
table2 <- "Pockaj and others 2010, Table 2, whole cohorts"
exact <- hepatic[hepatic$name != "Pocard", ]

# Found by drawing round numbers at random until the restricted likelihood had two maxima. Of the
# first, metafor's own start reaches the lower maximum (tau2 = 0.316; the highest is at 0.0097).
lower_start <- list(yi = c(-0.93, 1.87, -0.09, -0.65, 0.05), vi = c(0.5, 0.5, 0.002, 0.2, 0.002))
two_inside <- list(yi = c(1.77, -0.17, -0.54, 0.13, 0.01, -0.03, -3.37),
                   vi = c(1, 0.005, 1, 0.002, 0.001, 0.001, 0.5))
zero_and_inside <- list(yi = c(-0.32, 1.84, -0.07, -0.01), vi = c(0.5, 0.2, 0.005, 0.001))

cases <- list(
  "bcg-risk-ratio" = from_escalc(bcg, "metadat dat.bcg, log risk ratio"),
  "bcg-risk-ratio-90-percent" = from_escalc(bcg, "metadat dat.bcg, log risk ratio", level = 0.9),
  "hackshaw1998" = from_escalc(dat.hackshaw1998, "metadat dat.hackshaw1998, log odds ratio"),
  "raudenbush1985" = from_escalc(dat.raudenbush1985, "metadat dat.raudenbush1985, SMD"),
  "normand1999" = from_escalc(normand, "metadat dat.normand1999, mean difference, pooled SD"),
  "hine1989" = from_escalc(hine, "metadat dat.hine1989, risk difference; tau2 is 0"),
  "collins1985b" = from_escalc(collins, "metadat dat.collins1985b, pre-eclampsia, log odds ratio"),
  "li2007" = from_escalc(li, "metadat dat.li2007, log odds ratio"),
  "yusuf1985-table-6" = from_escalc(yusuf, "metadat dat.yusuf1985, table 6, log odds ratio"),
  "debruin2009" = from_escalc(debruin, "metadat dat.debruin2009, logit proportion"),
  "pritz1997" = from_escalc(pritz, "metadat dat.pritz1997, double arcsine"),
  "hine1989-in-millionths" = case(1e-6 * hine$yi, 1e-12 * hine$vi, "hine1989 in units of 1e-6"),
  "bcg-in-millionths" = case(1e-6 * bcg$yi, 1e-12 * bcg$vi, "bcg-risk-ratio in units of 1e-6"),
  "two-studies" = case(c(0.1, 1.3), c(0.04, 0.09), "constructed: k = 2", leave1out = FALSE),
  "two-studies-agreeing" = case(c(0.1, 0.2), c(0.04, 0.09), "constructed: k = 2, tau2 = 0",
                                leave1out = FALSE),
  "too-alike" = case(c(0.10, 0.11, 0.10, 0.09, 0.10), c(0.2, 0.3, 0.1, 0.4, 0.2),
                     "constructed: empty Q-profile interval"),
  "one-dominant-study" = case(c(0.1, 0.9, -0.7, 0.4), c(1e-7, 0.3, 0.2, 0.5),
                              "constructed: one study with nearly all the weight"),
  "two-maxima-default-at-the-lower" =
    case(lower_start$yi, lower_start$vi, "constructed: metafor's default stops at the lower",
         leave1out = FALSE),
  "two-maxima-inside" = case(two_inside$yi, two_inside$vi, "constructed: two interior maxima",
                             leave1out = FALSE),
  "two-maxima-one-at-zero" = case(zero_and_inside$yi, zero_and_inside$vi,
                                  "constructed: maxima at 0 and inside", leave1out = FALSE),
  "hepatic-5-year-survival" = series(exact, paste(table1, "without the 4-year rate"), "logit"),
  "hepatic-5-year-survival-cloglog" =
    series(exact, paste(table1, "without the 4-year rate"), "cloglog"),
  "hepatic-5-year-survival-with-4-year-rate" = series(hepatic, table1, "logit"),
  "hepatic-5-year-survival-with-4-year-rate-cloglog" = series(hepatic, table1, "cloglog"),
  "pulmonary-5-year-survival" = series(pulmonary, table2, "logit"),
  "pulmonary-5-year-survival-cloglog" = series(pulmonary, table2, "cloglog")
)

# --- effect sizes ---------------------------------------------------------------------------------

proportions <- function(dat, source) {
  logits <- escalc("PLO", xi = xi, ni = ni, data = dat)
  arcsine <- escalc("PFT", xi = xi, ni = ni, data = dat, add = 0)
  control <- list(threshold = 1e-16, maxiter = 1e6)
  pooled <- predict(rma(yi, vi, data = arcsine, control = control), transf = transf.ipft.hm,
                    targs = list(ni = dat$ni))
  s <- dat$xi / dat$ni
  inside <- s > 0 & s < 1
  list(
    source = source, survival = s, n = dat$ni, inside = inside,
    logit = list(yi = as.numeric(logits$yi)[inside], vi = as.numeric(logits$vi)[inside]),
    cloglog = list(yi = log(-log(s[inside])),
                   vi = ((1 - s) / (dat$ni * s * log(s)^2))[inside]),
    freeman_tukey = list(yi = as.numeric(arcsine$yi), vi = as.numeric(arcsine$vi),
                         back = transf.ipft(arcsine$yi, dat$ni),
                         pooled = c(pooled$pred, pooled$ci.lb, pooled$ci.ub))
  )
}

two_arms <- function(dat, source) {
  rd <- escalc("RD", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = dat)
  list(source = source, treated = dat$ai / dat$n1i, treated_n = dat$n1i,
       control = dat$ci / dat$n2i, control_n = dat$n2i,
       yi = as.numeric(rd$yi), vi = as.numeric(rd$vi))
}

grid <- seq(0.005, 1.565, length.out = 40)
effects <- list(
  proportions = list(
    debruin2009 = proportions(dat.debruin2009, "metadat dat.debruin2009"),
    pritz1997 = proportions(dat.pritz1997, "metadat dat.pritz1997")
  ),
  differences = list(
    hine1989 = two_arms(dat.hine1989, "metadat dat.hine1989"),
    li2007 = two_arms(dat.li2007[dat.li2007$ai > 0 & dat.li2007$ci > 0, ], "metadat dat.li2007")
  ),
  freeman_tukey_inverse = list(n = 17, value = grid, back = sapply(grid, transf.ipft, ni = 17))
)

# --- JSON, every double with the 17 digits that name it ---------------------------------------------

as_json <- function(x) {
  if (is.list(x)) {
    items <- vapply(x, as_json, "")
    if (is.null(names(x))) return(paste0("[", paste(items, collapse = ", "), "]"))
    keys <- paste0("\"", names(x), "\": ")
    return(paste0("{", paste0(keys, items, collapse = ",\n"), "}"))
  }
  items <- if (is.character(x)) paste0("\"", x, "\"")
    else if (is.logical(x) && !all(is.na(x))) tolower(as.character(x))
    else ifelse(is.finite(x), sprintf("%.17g", x), "null")
  many <- length(x) != 1
  if (many) paste0("[", paste(items, collapse = ", "), "]") else items
}

made_with <- list(R = paste(R.version$major, R.version$minor, sep = "."),
                  metafor = as.character(packageVersion("metafor")),
                  metadat = as.character(packageVersion("metadat")))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
json <- as_json(list(made_with = made_with, cases = cases, effects = effects))
writeLines(json, file.path(here, "reference.json"), useBytes = TRUE)
