# Pins what metafor says about small studies.  Rscript validation/metafor/small_studies.R
#
# Every iteration is driven to the end of double precision, so that what is pinned is the
# mathematics and not a stopping rule. Harbord's and Peters' tests, which metafor lacks, are worked
# out with lm() from the definitions of the papers.

suppressPackageStartupMessages(library(metafor))
stopifnot(packageVersion("metafor") == "3.8.1", packageVersion("metadat") == "1.2.0")

quietly <- function(expression) suppressWarnings(suppressMessages(expression))
pair <- function(low, high) c(as.numeric(low), as.numeric(high))
methods <- c(REML = "REML", DL = "DL", ML = "ML", common = "EE")

control_for <- function(yi, vi) {
  spread <- max(sum((yi - mean(yi))^2), max(vi))
  list(threshold = 1e-15 * spread, maxiter = 1e6, tol = 1e-300, tau2.max = 1e9 * spread)
}

fit <- function(dat, method, test) {
  yi <- as.numeric(dat$yi)
  quietly(rma(yi, dat$vi, method = method, test = test, control = control_for(yi, dat$vi)))
}

# --- Egger, Begg ----------------------------------------------------------------------------------

line <- function(found, linear) {
  if (linear) {
    table <- coef(summary(found$fit))
    limit <- table[1, 1:2]
    slope <- table[2, 1:2]
  } else {
    limit <- c(found$fit$beta[1], found$fit$se[1])
    slope <- c(found$fit$beta[2], found$fit$se[2])
  }
  ends <- if (is.null(found$est)) NULL else pair(found$ci.lb, found$ci.ub)
  list(asymmetry = slope[[1]], asymmetry_standard_error = slope[[2]], statistic = found$zval,
       p_value = found$pval, limit = if (is.null(ends)) NA else as.numeric(found$est),
       limit_interval = if (is.null(ends)) c(NA, NA) else ends,
       tau2 = if (linear) NA else found$fit$tau2)
}

# the likelihood of tau² can have two maxima: started twice, the higher one is kept
regressed <- function(dat, method, test, args) {
  base <- fit(dat, method, test)
  starts <- if (method %in% c("REML", "ML")) list(NULL, median(dat$vi)) else list(NULL)
  found <- lapply(starts, function(start) {
    base$control$tau2.init <- start
    # sizes of many digits look collinear with the intercept to metafor
    quietly(try(do.call(regtest, c(list(base), args)), silent = TRUE))
  })
  found <- Filter(function(one) !inherits(one, "try-error"), found)
  if (length(found) == 0) return(NULL)
  found[[which.max(sapply(found, function(one) as.numeric(logLik(one$fit))))]]
}

egger <- function(dat) {
  predictors <- c("sei", "vi", if (!is.null(dat$n)) c("ni", "ninv", "sqrtni", "sqrtninv"))
  out <- list()
  add <- function(model, predictor, method, test) {
    args <- list(model = model, predictor = predictor, ret.fit = TRUE)
    if (!is.null(dat$n)) args$ni <- dat$n
    found <- regressed(dat, method, test, args)
    if (is.null(found)) return(NULL)
    out[[length(out) + 1]] <<- c(
      list(model = model, predictor = predictor, method = method, test = test),
      line(found, model == "lm"))
  }
  for (predictor in predictors) {
    add("lm", predictor, "REML", "z")
    add("rma", predictor, "REML", "z")
  }
  for (method in c("DL", "ML")) add("rma", "sei", method, "z")
  for (test in c("knha", "adhoc", "t")) add("rma", "sei", "REML", test)
  out
}

begg <- function(dat) {
  found <- quietly(ranktest(as.numeric(dat$yi), dat$vi))
  list(kendall_tau = as.numeric(found$tau), p_value = found$pval)
}

# --- trim and fill, Henmi and Copas, fail-safe N --------------------------------------------------

trims <- expand.grid(estimator = c("L0", "R0", "Q0"), method = c("REML", "DL", "common"),
                     stringsAsFactors = FALSE)

trimmed <- function(dat) {
  out <- list()
  add <- function(method, estimator, side = NULL) {
    base <- fit(dat, methods[[method]], "z")
    control <- control_for(as.numeric(dat$yi), dat$vi)
    args <- list(base, estimator = estimator, control = control)
    if (!is.null(side)) args$side <- side
    found <- quietly(try(do.call(trimfill, args), silent = TRUE))
    # a count that does not settle, or has no solution
    if (inherits(found, "try-error")) return(NULL)
    out[[length(out) + 1]] <<- list(
      method = method, estimator = estimator, asked = if (is.null(side)) "" else side,
      side = found$side, missing = found$k0, missing_standard_error = found$se.k0,
      missing_p_value = found$p.k0, estimate = as.numeric(found$beta), standard_error = found$se,
      tau2 = found$tau2)
    found$side
  }
  for (i in seq_len(nrow(trims))) {
    side <- add(trims$method[i], trims$estimator[i])
    if (trims$method[i] == "REML" && !is.null(side)) {
      add("REML", trims$estimator[i], setdiff(c("left", "right"), side))
    }
  }
  out
}

# metafor's function with a tighter rule for its integral than it asks for
precisely <- getFromNamespace("hc.rma.uni", "metafor")
environment(precisely) <- list2env(
  list(integrate = function(...) stats::integrate(..., rel.tol = 1e-11, subdivisions = 10000)),
  parent = asNamespace("metafor"))

henmi <- function(dat) {
  found <- precisely(fit(dat, "DL", "z"), control = list(tol = 1e-15, maxiter = 1e5))
  list(estimate = as.numeric(found$beta), standard_error = as.numeric(found$se),
       interval = pair(found$ci.lb, found$ci.ub), tau2 = found$tau2)
}

fail_safe <- function(dat) {
  yi <- as.numeric(dat$yi)
  number <- function(...) quietly(fsn(yi, dat$vi, ...))$fsnum
  list(Rosenthal = number(), "Rosenthal-1" = number(alpha = 0.01),
       Rosenberg = number(type = "Rosenberg"), Orwin = number(type = "Orwin"),
       "weighted-Orwin" = number(type = "Orwin", weighted = TRUE),
       "Orwin-target" = number(type = "Orwin", target = 0.05),
       target = 0.05)
}

# --- Harbord, Peters ------------------------------------------------------------------------------

lm_line <- function(y, x, w) {
  table <- coef(summary(lm(y ~ x, weights = w)))
  list(limit = table[1, 1], limit_standard_error = table[1, 2], asymmetry = table[2, 1],
       asymmetry_standard_error = table[2, 2], statistic = table[2, 3], p_value = table[2, 4])
}

two_by_two <- function(dat) {
  a <- as.numeric(dat$ai)
  c <- as.numeric(dat$ci)
  n1 <- as.numeric(dat$n1i)
  n0 <- as.numeric(dat$n2i)
  seen <- (a + c) > 0 & (a + c) < n1 + n0
  a <- a[seen]; c <- c[seen]; n1 <- n1[seen]; n0 <- n0[seen]
  n <- n1 + n0
  z <- a - (a + c) * n1 / n
  v <- n1 * n0 * (a + c) * (n - a - c) / (n^2 * (n - 1))
  half <- ifelse(a == 0 | c == 0 | a == n1 | c == n0, 0.5, 0)
  log_odds <- log((a + half) * (n0 - c + half) / ((n1 - a + half) * (c + half)))
  list(harbord = lm_line(z / v, 1 / sqrt(v), v),
       # the paper's own form: Z/sqrt(V) on sqrt(V), of which the intercept is tested
       harbord_intercept = lm_line(z / sqrt(v), sqrt(v), rep(1, length(v)))$limit,
       peters = lm_line(log_odds, 1 / n, (a + c) * (n - a - c) / n))
}

# --- selection models -----------------------------------------------------------------------------

selections <- list(
  list(alternative = "greater", steps = 0.025),
  list(alternative = "greater", steps = c(0.025, 0.5)),
  list(alternative = "greater", steps = c(0.005, 0.05, 0.5)),
  list(alternative = "less", steps = 0.025),
  list(alternative = "less", steps = c(0.05, 0.5)),
  list(alternative = "two.sided", steps = 0.05),
  list(alternative = "two.sided", steps = c(0.01, 0.1))
)

log_likelihood <- getFromNamespace(".selmodel.ll.stepfun", "metafor")

# metafor's own log-likelihood at natural parameters
surface <- function(found, held) {
  X <- cbind(rep(1, found$k))
  function(par) {
    full <- held
    full[is.na(held)] <- par
    log_likelihood(
      full, yi = as.numeric(found$yi), vi = found$vi, X = X, preci = rep(1, found$k), k = found$k,
      pX = 1, pvals = found$pvals, deltas = length(found$delta),
      delta.val = rep(NA, length(found$delta)), delta.transf = FALSE, mapfun = NA, delta.min = NA,
      delta.max = NA, tau2.val = NA, tau2.transf = FALSE, tau2.max = Inf, beta.val = NA,
      wi.fun = NULL, steps = found$steps, pgrp = found$pgrp, alternative = found$alternative,
      pval.min = 0, intCtrl = list(), verbose = FALSE, digits = 4)
  }
}

# Newton's method on it, from where an optimizer stopped
polished <- function(found) {
  tau2 <- found$tau2
  held <- c(NA, if (tau2 < 1e-6) 0 else NA, 1, rep(NA, length(found$delta) - 1))
  f <- surface(found, held)
  par <- c(found$beta, tau2, found$delta)[is.na(held)]
  for (i in 1:6) {
    step <- try(solve(numDeriv::hessian(f, par), numDeriv::grad(f, par)), silent = TRUE)
    if (inherits(step, "try-error") || anyNA(step) || any((par - step)[-1] <= 0)) return(NULL)
    par <- par - step
  }
  covariance <- solve(numDeriv::hessian(f, par))
  if (any(!is.finite(covariance)) || any(diag(covariance) <= 0)) return(NULL)
  full <- held
  full[is.na(held)] <- par
  errors <- rep(NA, length(held))
  errors[is.na(held)] <- sqrt(diag(covariance))
  list(log_likelihood = -f(par), estimate = full[1], standard_error = errors[1], tau2 = full[2],
       tau2_standard_error = errors[2], weights = full[-(1:2)],
       weights_standard_error = errors[-(1:3)])
}

selected <- function(dat) {
  out <- list()
  base <- fit(dat, "ML", "z")
  for (one in selections) {
    controls <- list(
      list(optimizer = "nlminb", iter.max = 1e4, eval.max = 1e4, rel.tol = 1e-14),
      list(optimizer = "nlminb", iter.max = 1e4, eval.max = 1e4, rel.tol = 1e-14,
           delta.init = 0.2, tau2.init = 2 * median(dat$vi)),
      # where tau² is 0 and selection strong
      list(optimizer = "nlminb", iter.max = 1e4, eval.max = 1e4, rel.tol = 1e-14,
           delta.init = 0.03, tau2.init = 1e-6 * median(dat$vi),
           beta.init = sum(dat$yi / dat$vi) / sum(1 / dat$vi) / 2),
      list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-15, maxit = 1e4),
      list(optimizer = "optim", optmethod = "Nelder-Mead", reltol = 1e-14, maxit = 1e5))
    tried <- lapply(controls, function(control) {
      found <- quietly(try(selmodel(base, type = "stepfun", alternative = one$alternative,
                                    steps = one$steps, control = control, skiphes = TRUE,
                                    skiphet = TRUE), silent = TRUE))
      if (inherits(found, "try-error")) return(NULL)
      # beside an empty first interval, or at the end of its range, a weight has no maximum
      if (found$ptable$k[1] == 0) return(NULL)
      if (any(found$delta[-1] > 99 | found$delta[-1] < 1e-4)) return(NULL)
      point <- polished(found)
      if (is.null(point)) NULL else c(point, list(ll0 = as.numeric(found$ll0)))
    })
    tried <- Filter(Negate(is.null), tried)
    if (length(tried) == 0) next
    best <- tried[[which.max(sapply(tried, function(p) p$log_likelihood))]]
    statistic <- max(0, 2 * (best$log_likelihood - best$ll0))
    out[[length(out) + 1]] <- c(
      list(alternative = one$alternative, steps = one$steps), best[names(best) != "ll0"],
      list(statistic = statistic,
           p_value = pchisq(statistic, length(one$steps), lower.tail = FALSE)))
  }
  out
}

# --- cases ----------------------------------------------------------------------------------------

tables <- function(dat, measure = "OR") {
  found <- escalc(measure, ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = dat)
  data.frame(yi = as.numeric(found$yi), vi = found$vi, n = dat$n1i + dat$n2i, ai = dat$ai,
             n1i = dat$n1i, ci = dat$ci, n2i = dat$n2i)
}

plain <- function(dat, n = NULL) {
  out <- data.frame(yi = as.numeric(dat$yi), vi = dat$vi)
  if (!is.null(n)) out$n <- n
  out
}

colditz <- with(dat.colditz1994, data.frame(ai = tpos, n1i = tpos + tneg, ci = cpos,
                                            n2i = cpos + cneg))
collins <- with(dat.collins1985b, data.frame(ai = pre.xti, n1i = pre.nti, ci = pre.xci,
                                             n2i = pre.nci))
dorn <- with(dat.dorn2007, data.frame(ai = x.a, n1i = n.a, ci = x.p, n2i = n.p))
damico <- with(dat.damico2009, data.frame(ai = xt, n1i = nt, ci = xc, n2i = nc))
axfors <- with(subset(dat.axfors2021, hcq_cq == "hcq"),
               data.frame(ai = hcq_arm_event, n1i = hcq_arm_total, ci = control_arm_event,
                          n2i = control_arm_total))
bornmann <- with(dat.bornmann2007, data.frame(ai = waward, n1i = wtotal, ci = maward, n2i = mtotal))
landenberger <- with(dat.landenberger2005, data.frame(
  ai = n.ctrl.rec, n1i = n.ctrl.rec + n.ctrl.non, ci = n.cbt.rec, n2i = n.cbt.rec + n.cbt.non))
curtis <- escalc("ROM", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i,
                 data = dat.curtis1998)
normand <- within(dat.normand1999, {
  sdpi <- sqrt(((n1i - 1) * sd1i^2 + (n2i - 1) * sd2i^2) / (n1i + n2i - 2))
})
normand <- escalc("SMD", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i,
                  data = normand)
molloy <- escalc("ZCOR", ri = ri, ni = ni, data = dat.molloy2014)
mcdaniel <- escalc("ZCOR", ri = ri, ni = ni, data = dat.mcdaniel1994)
cohen <- escalc("ZCOR", ri = ri, ni = ni, data = dat.cohen1981)
crede <- escalc("ZCOR", ri = ri, ni = ni, data = subset(dat.crede2010, criterion == "grade"))
pignon <- data.frame(yi = dat.pignon2000$OmE / dat.pignon2000$V, vi = 1 / dat.pignon2000$V)
hart <- escalc("IRR", x1i = x1i, t1i = t1i, x2i = x2i, t2i = t2i, data = dat.hart1999)
yusuf <- subset(dat.yusuf1985, table == "6")
baskerville <- data.frame(yi = dat.baskerville2012$smd, vi = dat.baskerville2012$se^2)
lopez <- with(subset(dat.lopez2019, group == 1), data.frame(yi = diff, vi = se^2))
begg1989 <- subset(dat.begg1989, arms == 0)

sources <- list(
  "egger2001" = list(tables(dat.egger2001), "metadat dat.egger2001, log odds ratio"),
  "hackshaw1998" = list(plain(dat.hackshaw1998), "metadat dat.hackshaw1998, log odds ratio"),
  "raudenbush1985" = list(plain(dat.raudenbush1985, dat.raudenbush1985$n1i +
                                  dat.raudenbush1985$n2i), "metadat dat.raudenbush1985, SMD"),
  "bangertdrowns2004" = list(plain(dat.bangertdrowns2004, dat.bangertdrowns2004$ni),
                             "metadat dat.bangertdrowns2004, SMD"),
  "hahn2001" = list(tables(dat.hahn2001), "metadat dat.hahn2001, log odds ratio"),
  "curtis1998" = list(plain(curtis, dat.curtis1998$n1i + dat.curtis1998$n2i),
                      "metadat dat.curtis1998, log ratio of means"),
  "baskerville2012" = list(baskerville, "metadat dat.baskerville2012, SMD"),
  "bornmann2007" = list(tables(bornmann), "metadat dat.bornmann2007, log odds ratio"),
  "colditz1994" = list(tables(colditz), "metadat dat.colditz1994, log odds ratio"),
  "lee2004" = list(tables(dat.lee2004), "metadat dat.lee2004, log odds ratio"),
  "li2007" = list(tables(dat.li2007), "metadat dat.li2007, log odds ratio"),
  "nielweise2007" = list(tables(dat.nielweise2007), "metadat dat.nielweise2007, log odds ratio"),
  "collins1985b" = list(tables(collins), "metadat dat.collins1985b, pre-eclampsia, log odds ratio"),
  "dorn2007" = list(tables(dorn), "metadat dat.dorn2007, log odds ratio"),
  "damico2009" = list(tables(damico), "metadat dat.damico2009, log odds ratio"),
  "linde2005" = list(tables(dat.linde2005), "metadat dat.linde2005, log odds ratio"),
  "lau1992" = list(tables(dat.lau1992), "metadat dat.lau1992, log odds ratio"),
  "yusuf1985-table-6" = list(tables(yusuf), "metadat dat.yusuf1985, table 6, log odds ratio"),
  "laopaiboon2015" = list(tables(dat.laopaiboon2015, "RR"),
                          "metadat dat.laopaiboon2015, log risk ratio"),
  "graves2010" = list(tables(dat.graves2010, "RR"), "metadat dat.graves2010, log risk ratio"),
  "anand1999" = list(tables(dat.anand1999), "metadat dat.anand1999, log odds ratio"),
  "landenberger2005" = list(tables(landenberger), "metadat dat.landenberger2005, log odds ratio"),
  "axfors2021" = list(tables(axfors), "metadat dat.axfors2021, hydroxychloroquine, log odds ratio"),
  "normand1999" = list(plain(normand, normand$n1i + normand$n2i), "metadat dat.normand1999, SMD"),
  "molloy2014" = list(plain(molloy, molloy$ni), "metadat dat.molloy2014, Fisher's z"),
  "mcdaniel1994" = list(plain(mcdaniel, mcdaniel$ni), "metadat dat.mcdaniel1994, Fisher's z"),
  "cohen1981" = list(plain(cohen, cohen$ni), "metadat dat.cohen1981, Fisher's z"),
  "crede2010" = list(plain(crede, crede$ni), "metadat dat.crede2010, grades, Fisher's z"),
  "pignon2000" = list(pignon, "metadat dat.pignon2000, log hazard ratio"),
  "hart1999" = list(plain(hart), "metadat dat.hart1999, log rate ratio"),
  "lopez2019" = list(lopez, "metadat dat.lopez2019, group 1, SMD"),
  "lehmann2018" = list(plain(dat.lehmann2018), "metadat dat.lehmann2018, SMD"),
  "bcg-in-millionths" = list(transform(tables(colditz)[, 1:2], yi = 1e-6 * yi, vi = 1e-12 * vi),
                             "metadat dat.colditz1994 in units of 1e-6"),
  "three-studies" = list(data.frame(yi = c(0.1, 0.5, 0.9), vi = c(0.01, 0.04, 0.25)),
                         "constructed: k = 3")
)

for_selection <- c("egger2001", "hackshaw1998", "raudenbush1985", "bangertdrowns2004",
                   "baskerville2012", "bornmann2007", "colditz1994", "lee2004", "dorn2007",
                   "linde2005", "lau1992", "landenberger2005", "molloy2014", "cohen1981",
                   "pignon2000", "lehmann2018", "normand1999", "li2007", "damico2009",
                   "laopaiboon2015")

case <- function(name) {
  dat <- sources[[name]][[1]]
  dat <- dat[!is.na(dat$yi) & !is.na(dat$vi), ]
  out <- list(source = sources[[name]][[2]], yi = dat$yi, vi = dat$vi)
  if (!is.null(dat$n)) out$n <- dat$n
  out <- c(out, list(egger = egger(dat), begg = begg(dat), trim_and_fill = trimmed(dat),
                     henmi_copas = henmi(dat), fail_safe = fail_safe(dat)))
  if (!is.null(dat$ai)) {
    out$tables <- list(ai = dat$ai, n1i = dat$n1i, ci = dat$ci, n2i = dat$n2i)
    out$two_by_two <- two_by_two(dat)
  }
  if (name %in% for_selection) out$selection <- selected(dat)
  out
}

cases <- sapply(names(sources), function(name) {
  message(name)
  case(name)
}, simplify = FALSE)

# --- JSON, every double with the 17 digits that name it -------------------------------------------

as_json <- function(x) {
  if (is.list(x)) {
    items <- vapply(x, as_json, "")
    if (is.null(names(x))) return(paste0("[", paste(items, collapse = ",\n"), "]"))
    return(paste0("{", paste0("\"", names(x), "\": ", items, collapse = ", "), "}"))
  }
  items <- if (is.character(x)) paste0("\"", x, "\"")
    else ifelse(is.finite(x), sprintf("%.17g", x), "null")
  if (length(x) != 1) paste0("[", paste(items, collapse = ", "), "]") else items
}

made_with <- list(R = paste(R.version$major, R.version$minor, sep = "."),
                  metafor = as.character(packageVersion("metafor")),
                  metadat = as.character(packageVersion("metadat")))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
modelled <- c("trim_and_fill", "selection")
write <- function(file, kept) {
  parts <- lapply(cases, function(one) one[kept(names(one))])
  json <- as_json(list(made_with = made_with, cases = parts))
  writeLines(json, file.path(here, file), useBytes = TRUE)
}
write("small_studies.json", function(names) !(names %in% modelled))
write("small_studies_modelled.json", function(names) names %in% modelled)
