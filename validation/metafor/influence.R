# Pins what metafor says of single studies.  Rscript validation/metafor/influence.R
#
# Writes influence.json (influence, rstandard, baujat, blup, ranef) and cumulative.json (cumul,
# gosh). As in reference.R, iterations are driven to the end of double precision.

suppressPackageStartupMessages(library(metafor))
stopifnot(packageVersion("metafor") == "3.8.1", packageVersion("metadat") == "1.2.0")
pdf(NULL) # baujat draws what it computes

quietly <- function(expression) suppressWarnings(suppressMessages(expression))

fit <- function(yi, vi, method, test) {
  spread <- max(sum((yi - mean(yi))^2), max(vi))
  control <- list(threshold = 1e-15 * spread, maxiter = 1e6, tol = 1e-300, tau2.max = 1e9 * spread)
  quietly(rma(yi, vi, method = method, test = test, control = control))
}

complete <- function(columns) {
  stopifnot(!anyNA(unlist(columns)))
  lapply(columns, function(column) if (is.numeric(column)) as.numeric(column) else column)
}

# --- one fit ----------------------------------------------------------------------------------------

influences <- function(yi, vi, method, test) {
  res <- fit(yi, vi, method, test)
  found <- quietly(influence(res))
  one <- as.data.frame(found$inf)
  standard <- rstandard(res)
  shown <- quietly(baujat(res))
  c(list(method = method, test = test), complete(list(
    residual = standard$resid, standardized_residual = standard$z,
    studentized_deleted_residual = one$rstudent, difference_in_fit = one$dffits,
    cooks_distance = one$cook.d, covariance_ratio = one$cov.r, tau2_without = one$tau2.del,
    q_without = one$QE.del, leverage = one$hat,
    difference_in_estimate = as.data.frame(found$dfbs)[[1]],
    squared_pearson_residual = shown$x, squared_shift = shown$y,
    influential = as.logical(found$is.infl)
  )))
}

predictions <- function(yi, vi, method, test) {
  res <- fit(yi, vi, method, test)
  own <- blup(res)
  random <- ranef(res)
  c(list(method = method, test = test), complete(list(
    estimate = own$pred, standard_error = own$se, low = own$pi.lb, high = own$pi.ub,
    departure = random$pred, departure_standard_error = random$se,
    departure_low = random$pi.lb, departure_high = random$pi.ub
  )))
}

# without the first row, one study, of which metafor says that tau2 and I2 are 0
steps <- function(yi, vi, by, method, test) {
  sequence <- order(by)
  one <- quietly(cumul(fit(yi[sequence], vi[sequence], method, test)))
  tau2 <- if (method == "EE") rep(0, length(one$estimate)) else one$tau2
  statistic <- if (is.null(one$tval)) one$zval else one$tval
  columns <- list(
    estimate = one$estimate, standard_error = one$se, low = one$ci.lb, high = one$ci.ub,
    statistic = statistic, p_value = one$pval,
    q = one$Q, q_p_value = one$Qp, tau2 = tau2, i2 = one$I2, h2 = one$H2
  )
  c(list(method = method, test = test, studies = sequence[-1]),
    complete(lapply(columns, function(column) column[-1])))
}

# Of DerSimonian-Laird gosh gives Q/df as H2, also below 1, where rma gives 1 + tau2/typical variance
# and so 1 for tau2 = 0: the latter is pinned.
subsets <- function(yi, vi, method) {
  found <- quietly(gosh(fit(yi, vi, method, "z"), progbar = FALSE))
  several <- found$res$k > 1
  included <- unname(found$incl)[several, ]
  c(list(method = method, included = apply(included, 1, function(row) sum(2^(which(row) - 1)))),
    complete(list(k = found$res$k[several], estimate = found$res$estimate[several],
                  tau2 = found$res$tau2[several], i2 = found$res$I2[several],
                  h2 = if (method == "DL") pmax(1, found$res$H2[several]) else found$res$H2[several],
                  q = found$res$QE[several])))
}

# --- cases ------------------------------------------------------------------------------------------

outcomes <- function(dat, source) {
  dat <- dat[!is.na(dat$yi) & !is.na(dat$vi), ]
  list(yi = as.numeric(dat$yi), vi = as.numeric(dat$vi), source = source,
       order = if (is.null(dat$year)) NULL else as.numeric(dat$year))
}
two_by_two <- function(dat, measure, source) {
  outcomes(escalc(measure, ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = dat), source)
}
rates <- function(dat, source) {
  outcomes(escalc("IRR", x1i = x1i, t1i = t1i, x2i = x2i, t2i = t2i, data = dat), source)
}
in_millionths <- function(one, source) {
  one$yi <- 1e-6 * one$yi
  one$vi <- 1e-12 * one$vi
  one$source <- source
  one
}

baskerville <- within(dat.baskerville2012, { yi <- smd; vi <- se^2 })
pignon <- within(subset(dat.pignon2000, grp == 1), { yi <- OmE / V; vi <- 1 / V })
cannon <- escalc("OR", ai = ep1t, n1i = nt, ci = ep1c, n2i = nc, data = dat.cannon2006)
damico <- escalc("OR", ai = xt, n1i = nt, ci = xc, n2i = nc, data = dat.damico2009)
viechtbauer <- escalc("OR", ai = xTi, n1i = nTi, ci = xCi, n2i = nCi, data = dat.viechtbauer2021)

data_sets <- list(
  baskerville2012 = outcomes(baskerville, "metadat dat.baskerville2012, SMD"),
  bonett2010 = outcomes(escalc("ABT", ai = ai, mi = mi, ni = ni, data = dat.bonett2010),
                        "metadat dat.bonett2010, transformed reliability"),
  cannon2006 = outcomes(cannon, "metadat dat.cannon2006, first endpoint, log odds ratio"),
  cohen1981 = outcomes(escalc("ZCOR", ri = ri, ni = ni, data = dat.cohen1981),
                       "metadat dat.cohen1981, z-transformed correlation"),
  damico2009 = outcomes(damico, "metadat dat.damico2009, log odds ratio"),
  gibson2002 = outcomes(escalc("MD", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i,
                               n2i = n2i, data = dat.gibson2002),
                        "metadat dat.gibson2002, mean difference"),
  graves2010 = two_by_two(dat.graves2010, "RR", "metadat dat.graves2010, log risk ratio"),
  hahn2001 = two_by_two(dat.hahn2001, "RR", "metadat dat.hahn2001, log risk ratio"),
  hart1999 = rates(dat.hart1999, "metadat dat.hart1999, log rate ratio"),
  laopaiboon2015 = two_by_two(dat.laopaiboon2015, "RR", "metadat dat.laopaiboon2015, log risk ratio"),
  lau1992 = two_by_two(dat.lau1992, "OR", "metadat dat.lau1992, log odds ratio"),
  lee2004 = two_by_two(dat.lee2004, "RR", "metadat dat.lee2004, log risk ratio"),
  molloy2014 = outcomes(escalc("ZCOR", ri = ri, ni = ni, data = dat.molloy2014),
                        "metadat dat.molloy2014, z-transformed correlation"),
  nielweise2007 = two_by_two(dat.nielweise2007, "OR", "metadat dat.nielweise2007, log odds ratio"),
  nielweise2008 = rates(dat.nielweise2008, "metadat dat.nielweise2008, log rate ratio"),
  pignon2000 = outcomes(pignon, "metadat dat.pignon2000, group 1, log hazard ratio (O - E)/V"),
  viechtbauer2021 = outcomes(viechtbauer, "metadat dat.viechtbauer2021, log odds ratio")
)
data_sets[["hart1999-in-millionths"]] <-
  in_millionths(data_sets$hart1999, "hart1999 in units of 1e-6")

everywhere <- list(c("REML", "adhoc"), c("DL", "z"), c("EE", "z"))
further <- list(c("REML", "knha"), c("PM", "knha"), c("ML", "z"), c("SJ", "adhoc"))
with_further <- c("bonett2010", "hart1999", "nielweise2008")
with_steps <- c("baskerville2012", "damico2009", "graves2010", "hahn2001", "hart1999",
                "hart1999-in-millionths", "lau1992", "lee2004", "molloy2014", "nielweise2008",
                "pignon2000")
with_subsets <- c("cannon2006", "hart1999", "hart1999-in-millionths")

pins <- function(one, fits, pin, ...) {
  lapply(fits, function(pair) pin(one$yi, one$vi, ..., pair[1], pair[2]))
}
of_single_studies <- lapply(setdiff(names(data_sets), "lau1992"), function(name) {
  one <- data_sets[[name]]
  fits <- if (name %in% with_further) c(everywhere, further) else everywhere
  list(source = one$source, yi = one$yi, vi = one$vi,
       influence = pins(one, fits, influences),
       predictions = pins(one, setdiff(fits, everywhere[2]), predictions))
})
names(of_single_studies) <- setdiff(names(data_sets), "lau1992")

of_several <- lapply(union(with_steps, with_subsets), function(name) {
  one <- data_sets[[name]]
  out <- list(source = one$source, yi = one$yi, vi = one$vi)
  if (name %in% with_steps) {
    order <- if (is.null(one$order)) rev(seq_along(one$yi)) else one$order
    fits <- if (name == "lau1992") everywhere[1] else everywhere
    out <- c(out, list(order = order, steps = pins(one, fits, steps, order)))
  }
  if (name %in% with_subsets) {
    out$subsets <- lapply(c("REML", "DL", "EE"), function(m) subsets(one$yi, one$vi, m))
  }
  out
})
names(of_several) <- union(with_steps, with_subsets)

# --- JSON, every double with the 17 digits that name it ---------------------------------------------

as_json <- function(x) {
  if (is.list(x)) {
    items <- vapply(x, as_json, "")
    if (is.null(names(x))) return(paste0("[", paste(items, collapse = ",\n"), "]"))
    keys <- paste0("\"", names(x), "\": ")
    return(paste0("{", paste0(keys, items, collapse = ",\n"), "}"))
  }
  items <- if (is.character(x)) paste0("\"", x, "\"")
    else if (is.logical(x)) tolower(as.character(x)) else sprintf("%.17g", x)
  if (length(x) != 1) paste0("[", paste(items, collapse = ","), "]") else items
}

made_with <- list(R = paste(R.version$major, R.version$minor, sep = "."),
                  metafor = as.character(packageVersion("metafor")),
                  metadat = as.character(packageVersion("metadat")))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
pin <- function(cases, name) {
  json <- as_json(list(made_with = made_with, cases = cases))
  writeLines(json, file.path(here, name), useBytes = TRUE)
}
pin(of_single_studies, "influence.json")
pin(of_several, "cumulative.json")
