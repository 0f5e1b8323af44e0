# Pins what metafor and clubSandwich say of grouped effects:
#   Rscript validation/metafor/multilevel.R
#
# rma.mv climbs a log-likelihood by a general optimiser and stops where that no longer rises
# visibly, which is some six digits into the variances. Here every fit is run by several optimisers,
# the highest is kept, and its variances are carried to the end of double precision by Newton's
# method on the exact slopes, written out below with whole matrices. rma.mv is then asked once more
# with the variances held there; everything pinned is its answer.

suppressPackageStartupMessages({library(metafor); library(clubSandwich)})
stopifnot(packageVersion("metafor") == "3.8.1", packageVersion("metadat") == "1.2.0",
          packageVersion("clubSandwich") == "0.5.8")

quietly <- function(expression) suppressWarnings(suppressMessages(expression))

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))

# --- the highest likelihood ---------------------------------------------------------------------

optimisers <- list(
  list(), list(optimizer = "nlminb", rel.tol = 1e-14), list(optimizer = "nlminb", rel.tol = 1e-12),
  list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-15, maxit = 1e4),
  list(optimizer = "optim", optmethod = "Nelder-Mead", reltol = 1e-16, maxit = 1e5)
)

# keep the highest of all optimisers, and of all again from where the highest stopped
climb <- function(call_with) {
  best <- NULL
  for (start in 1:2) for (control in optimisers) {
    if (start == 2) control <- c(control, starts_of(best))
    fit <- quietly(try(call_with(control), silent = TRUE))
    if (inherits(fit, "try-error")) next
    if (is.null(best) || as.numeric(logLik(fit)) > as.numeric(logLik(best))) best <- fit
  }
  best
}

starts_of <- function(fit) {
  if (is.null(fit)) return(list())
  if (fit$withS) return(list(sigma2.init = pmax(fit$sigma2, 1e-6)))
  list(tau2.init = pmax(fit$tau2, 1e-6), rho.init = pmin(pmax(fit$rho, -0.99), 0.99))
}

# Newton's method on the likelihood of V + sum(theta * B); a variance at its bound is left there
polish <- function(fit, V, X, parts, theta, free) {
  y <- as.numeric(fit$yi)
  reml <- fit$method == "REML"
  for (step in 1:100) {
    W <- chol2inv(chol(V + Reduce(`+`, Map(`*`, parts, theta))))
    P <- W - W %*% X %*% solve(t(X) %*% W %*% X, t(X) %*% W)
    A <- if (reml) P else W
    Py <- as.numeric(P %*% y)
    on <- which(free)
    g <- sapply(on, function(j) -sum(A * parts[[j]]) / 2 + sum(Py * (parts[[j]] %*% Py)) / 2)
    AB <- lapply(on, function(j) A %*% parts[[j]])
    BPy <- lapply(on, function(j) parts[[j]] %*% Py)
    H <- matrix(0, length(on), length(on))
    for (i in seq_along(on)) for (j in seq_along(on)) {
      H[i, j] <- sum(AB[[i]] * t(AB[[j]])) / 2 - sum(BPy[[i]] * (P %*% BPy[[j]]))
    }
    move <- -solve(H, g)
    theta[on] <- theta[on] + move
    if (max(abs(move)) < 1e-14 * max(abs(theta))) break
  }
  theta
}

# --- what a fit says ----------------------------------------------------------------------------

table_of <- function(fit) list(
  statistic = as.numeric(fit$zval),
  degrees_of_freedom = if (fit$test == "t") as.numeric(fit$ddf) else rep(NA, fit$p),
  p_value = as.numeric(fit$pval), low = as.numeric(fit$ci.lb), high = as.numeric(fit$ci.ub),
  omnibus = c(as.numeric(fit$QM), as.numeric(fit$QMdf), as.numeric(fit$QMp))
)

tests_of <- function(call_with, method) {
  if (method == "ML") return(list(z = table_of(quietly(call_with(test = "z")))))
  list(z = table_of(quietly(call_with(test = "z"))),
       residual = table_of(quietly(call_with(test = "t", dfs = "residual"))),
       contain = table_of(quietly(call_with(test = "t", dfs = "contain"))))
}

criteria_of <- function(fit) {
  s <- fitstats(fit)
  as.numeric(s[c(1, 3, 4, 5), 1])
}

# from a fit with metafor's own stopping rule, since under a tighter one its refits do not converge;
# where they do not even so, with another optimiser
limits <- function(run, ...) {
  for (control in list(list(), optimisers[[4]], list(optimizer = "optim", optmethod = "BFGS"))) {
    fit <- quietly(try(run(control = control), silent = TRUE))
    if (inherits(fit, "try-error")) next
    interval <- quietly(confint(fit, control = list(tol = 1e-13, maxiter = 1e4), ...))
    found <- as.numeric(interval$random[1, 2:3])
    if (!anyNA(found)) break
  }
  found
}

numbered <- function(names) order(as.integer(sub(".*/", "", names)))

corrections <- c("CR0", "CR1", "CR1p", "CR1S", "CR2")

robust_of <- function(fit, cluster, moderators, types = c("CR0", "CR2")) {
  out <- list()
  for (type in types) {
    vb <- quietly(vcovCR(fit, cluster = cluster, type = type))
    tested <- quietly(coef_test(fit, vcov = vb, test = "Satterthwaite"))
    bounds <- quietly(conf_int(fit, vcov = vb, test = "Satterthwaite"))
    out[[type]] <- list(covariance = as.numeric(vb), degrees_of_freedom = tested$df,
                        p_value = tested$p_Satt, low = bounds$CI_L, high = bounds$CI_U)
    if (length(moderators) > 0) {
      wald <- quietly(Wald_test(fit, constraints = constrain_zero(moderators), vcov = vb,
                                test = "HTZ"))
      out[[type]]$omnibus <- c(wald$Fstat, wald$df_num, wald$df_denom, wald$p_val)
    }
  }
  out
}

# metafor's own robust(): CR1p, t and F with clusters less coefficients degrees of freedom
plain_of <- function(fit, cluster) {
  own <- quietly(robust(fit, cluster = cluster))
  list(standard_error = as.numeric(own$se), p_value = as.numeric(own$pval),
       low = as.numeric(own$ci.lb), high = as.numeric(own$ci.ub),
       omnibus = c(as.numeric(own$QM), as.numeric(own$QMdf), as.numeric(own$QMp)))
}

# --- three-level models -------------------------------------------------------------------------

sampling_of <- function(dat, correlation) {
  if (is.null(correlation)) return(diag(dat$vi))
  vcalc(vi, cluster = study, obs = effect, data = dat, rho = correlation)
}

three_level <- function(dat, method, mods = character(), correlation = NULL) {
  V <- sampling_of(dat, correlation)
  X <- cbind(1, as.matrix(dat[mods]))
  formula <- if (length(mods)) reformulate(mods) else ~ 1
  run <- function(...) rma.mv(yi, V, mods = formula, random = ~ 1 | study/effect, data = dat,
                              method = method, ...)
  best <- climb(function(control) run(control = control))
  k <- nrow(dat)
  parts <- list(outer(dat$study, dat$study, "==") + 0, diag(k))
  free <- best$sigma2 > 1e-7 * mean(dat$vi)
  theta <- polish(best, V, X, parts, ifelse(free, best$sigma2, 0), free)
  held <- function(...) run(sigma2 = theta, ...)
  fit <- quietly(held())
  # without each variance, the other at its own maximum
  without <- sapply(1:2, function(axis) {
    hold <- c(NA, NA)
    hold[axis] <- 0
    other <- climb(function(control) run(sigma2 = hold, control = control))
    start <- other$sigma2
    on <- start > 1e-7 * mean(dat$vi) & seq_along(start) != axis
    if (!any(on)) return(as.numeric(logLik(other)))
    as.numeric(logLik(quietly(run(sigma2 = polish(other, V, X, parts, ifelse(on, start, 0), on)))))
  })
  W <- solve(V)
  P <- W - W %*% X %*% solve(t(X) %*% W %*% X, t(X) %*% W)
  typical <- (k - ncol(X)) / sum(diag(P))
  out <- list(
    method = method, moderators = mods, correlation = if (is.null(correlation)) NA else correlation,
    estimate = as.numeric(fit$beta), covariance = as.numeric(fit$vb), variances = theta,
    own_log_likelihood = as.numeric(logLik(best)),
    default_variances = as.numeric(quietly(run())$sigma2),
    criteria = criteria_of(fit) + c(0, 4, 2 * log(if (method == "REML") k - ncol(X) else k), NA),
    without = without, q = c(fit$QE, fit$QEp),
    i2 = 100 * c(theta, sum(theta)) / (sum(theta) + typical),
    intervals = if (k <= 120) lapply(1:2, function(axis) {
      limits(run, sigma2 = axis)
    }) else list(),
    tests = tests_of(held, method)
  )
  if (!length(mods) && method == "REML") {
    out$weights <- as.numeric(weights(fit, type = "rowsum"))
    out$prediction <- lapply(list(z = list(test = "z"), residual = list(test = "t"),
                                  contain = list(test = "t", dfs = "contain")), function(options) {
      p <- predict(quietly(do.call(held, options)))
      c(p$pi.lb, p$pi.ub)
    })
  }
  if (method == "REML" && !length(mods) && k <= 100) {
    effects <- ranef(quietly(held(test = "t", dfs = "contain")))
    out$random_effects <- lapply(unname(effects), function(one) {
      one <- one[numbered(rownames(one)), ]
      list(estimate = one$intrcpt, standard_error = one$se,
           reach = (one$pi.ub - one$pi.lb)[1] / one$se[1])
    })
  }
  if (method == "REML") {
    tested <- if (length(mods)) 1 + seq_along(mods) else integer()
    out$robust <- robust_of(fit, dat$study, tested)
    out$robust_plain <- plain_of(fit, dat$study)
  }
  out
}

columns <- function(dat, mods = character()) {
  c(list(yi = as.numeric(dat$yi), vi = as.numeric(dat$vi), study = as.integer(dat$study)),
    lapply(setNames(mods, mods), function(name) as.numeric(dat[[name]])))
}

nested_case <- function(dat, study, source, mods = character(), correlation = NULL) {
  keep <- complete.cases(dat[c("yi", "vi", mods)])
  dat <- dat[keep, ]
  dat$study <- as.integer(factor(study[keep], levels = unique(study[keep])))
  dat$effect <- seq_len(nrow(dat))
  message(source, ": ", nrow(dat), " effects")
  fit <- function(...) list(three_level(dat, ...))
  fits <- c(fit("REML"), fit("ML"))
  if (length(mods)) fits <- c(fits, fit("REML", mods), fit("ML", mods))
  if (!is.null(correlation)) fits <- c(fits, fit("REML", correlation = correlation))
  if (length(mods) && !is.null(correlation)) fits <- c(fits, fit("REML", mods, correlation))
  list(source = source, data = columns(dat, mods), fits = fits)
}

centred <- function(x) x - mean(x, na.rm = TRUE)
konstantopoulos <- within(dat.konstantopoulos2011, year <- centred(year))
assink <- within(dat.assink2016, {pub <- as.numeric(pubstatus); year <- centred(year)})
bornmann <- escalc("OR", ai = waward, n1i = wtotal, ci = maward, n2i = mtotal,
                   data = dat.bornmann2007)
bornmann$fellowship <- as.numeric(bornmann$type == "Fellowship")
crede <- escalc("ZCOR", ri = ri, ni = ni, data = dat.crede2010)
crede$year <- centred(crede$year)
white <- escalc("ZCOR", ri = r, ni = n, data = dat.white2020)
bourassa <- escalc("OR", ai = lh.le, bi = lh.re, ci = rh.le, di = rh.re, data = dat.bourassa1996,
                   add = 1/2, to = "all")
curtis <- escalc("ROM", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i,
                 data = dat.curtis1998)
lim <- escalc("ZCOR", ri = ri, ni = ni, data = dat.lim2014$o_o_unadj)
lim <- lim[seq_len(min(150, nrow(lim))), ]

three_levels <- list(
  konstantopoulos2011 = nested_case(konstantopoulos, konstantopoulos$district,
    "metadat dat.konstantopoulos2011, SMD, district/school", "year", 0.4),
  assink2016 = nested_case(assink, assink$study,
    "metadat dat.assink2016, SMD, study/effect", c("year", "pub"), 0.6),
  bornmann2007 = nested_case(bornmann, bornmann$study,
    "metadat dat.bornmann2007, log odds ratio, study/observation", "fellowship"),
  knapp2017 = nested_case(dat.knapp2017, dat.knapp2017$study,
    "metadat dat.knapp2017, SMD, study/comparison", "difficulty", 0.5),
  tannersmith2016 = nested_case(dat.tannersmith2016, dat.tannersmith2016$studyid,
    "metadat dat.tannersmith2016, r-to-z, study/effect", c("aget1", "propmale"), 0.5),
  crede2010 = nested_case(crede, crede$studyid,
    "metadat dat.crede2010, r-to-z, study/sample", "year"),
  white2020 = nested_case(white, white$study_id, "metadat dat.white2020, r-to-z, study/effect",
    "control"),
  bourassa1996 = nested_case(bourassa, bourassa$study,
    "metadat dat.bourassa1996, log odds ratio, study/sample"),
  curtis1998 = nested_case(curtis, curtis$paper,
    "metadat dat.curtis1998, log ratio of means, paper/effect", "time"),
  lehmann2018 = nested_case(dat.lehmann2018, dat.lehmann2018$Short_Title,
    "metadat dat.lehmann2018, SMD, study/effect"),
  lim2014 = nested_case(lim, lim$article,
    "metadat dat.lim2014, o_o_unadj, its first 150 rows, r-to-z, article/effect")
)

source(file.path(here, "multilevel_outcomes.R"))

# --- two-level models with clusters -------------------------------------------------------------

clustered <- function(case, mods = character(), weights = NULL) {
  dat <- as.data.frame(case$data)
  formula <- if (length(mods)) reformulate(mods) else ~ 1
  control <- list(threshold = 1e-14, maxiter = 1e4)
  fit <- if (is.null(weights)) {
    quietly(rma(yi, vi, mods = formula, data = dat, control = control))
  } else {
    quietly(rma(yi, vi, mods = formula, data = dat, weights = weights, control = control))
  }
  tested <- if (length(mods)) 1 + seq_along(mods) else integer()
  list(source = case$source, moderators = mods, tau2 = fit$tau2,
       weights = if (is.null(weights)) NA else weights, estimate = as.numeric(fit$beta),
       robust = robust_of(fit, dat$study, tested, corrections),
       robust_plain = plain_of(fit, dat$study))
}

sizes <- function(case) 1 + seq_along(case$data$yi) %% 4
two_levels <- list()
for (name in c("konstantopoulos2011", "assink2016", "bornmann2007", "tannersmith2016", "crede2010",
               "knapp2017")) {
  case <- three_levels[[name]]
  mods <- setdiff(names(case$data), c("yi", "vi", "study"))
  two_levels[[paste(name, "intercept")]] <- c(list(data = name), clustered(case))
  two_levels[[paste(name, "moderators")]] <- c(list(data = name), clustered(case, mods))
  two_levels[[paste(name, "weights")]] <- c(list(data = name), clustered(case, mods, sizes(case)))
}

# --- JSON, every double with the 17 digits that name it -----------------------------------------

as_json <- function(x) {
  if (length(x) == 0) return("[]")
  if (is.list(x)) {
    items <- vapply(x, as_json, "")
    if (is.null(names(x))) return(paste0("[", paste(items, collapse = ","), "]"))
    keys <- paste0("\"", names(x), "\":")
    return(paste0("{", paste0(keys, items, collapse = ",\n"), "}"))
  }
  items <- if (is.character(x)) paste0("\"", x, "\"")
    else if (is.logical(x) && !all(is.na(x))) tolower(as.character(x))
    else ifelse(is.finite(x), sprintf("%.17g", x), "null")
  if (length(x) != 1) paste0("[", paste(items, collapse = ","), "]") else items
}

made_with <- list(R = paste(R.version$major, R.version$minor, sep = "."),
                  metafor = as.character(packageVersion("metafor")),
                  metadat = as.character(packageVersion("metadat")),
                  clubSandwich = as.character(packageVersion("clubSandwich")))
write_json <- function(cases, name) {
  json <- as_json(list(made_with = made_with, cases = cases))
  writeLines(json, file.path(here, name), useBytes = TRUE)
}
write_json(list(three_level = three_levels, two_level = two_levels), "multilevel.json")
write_json(multivariates, "multilevel_outcomes.json")
