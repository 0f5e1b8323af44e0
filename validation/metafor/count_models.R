# Pins mixed models of counts, so that the tests need no R.
#
#     Rscript validation/metafor/count_models.R     (a quarter of an hour)
#
# Twice: what metafor's rma.glmm says (lme4 with 51 nodes where it can, or its own integration of
# the non-central hypergeometric density), and what maximising the likelihood by brute force gives:
# integrals by the trapezoidal rule on fixed fine grids, nlminb, and Newton steps with numerical
# derivatives. The second shares no code and no method with the package and is good to 1e-8 or so;
# the first stops where its optimiser does.

suppressPackageStartupMessages(library(metafor))
stopifnot(packageVersion("metafor") == "3.8.1", packageVersion("metadat") == "1.2.0")

quietly <- function(expression) suppressWarnings(suppressMessages(expression))

# --- the likelihood by brute force ----------------------------------------------------------------

log_sum <- function(m) { top <- apply(m, 1, max); top + log(rowSums(exp(m - top))) }

Z <- seq(-9, 9, by = 0.004)
Z_DENSITY <- dnorm(Z, log = TRUE) + log(0.004)

one_arm <- function(kernel, grid = Z) {
  density <- dnorm(grid, log = TRUE) + log(grid[2] - grid[1])
  function(p) sum(log_sum(sweep(kernel(p[1] + p[2] * grid), 2, density, "+")))
}

binomial_kernel <- function(x, n, offset = 0 * x) function(u) {
  eta <- outer(offset, u, "+")
  lchoose(n, x) + x * eta + n * plogis(-eta, log.p = TRUE)
}

poisson_kernel <- function(x, t) function(u) {
  eta <- outer(log(t), u, "+")
  x * eta - exp(eta) - lgamma(x + 1)
}

hypergeometric_kernel <- function(a, n1, m, n2) function(u) {
  t(sapply(seq_along(a), function(i) {
    s <- max(0, m[i] - n2[i]):min(n1[i], m[i])
    ways <- lchoose(n1[i], s) + lchoose(n2[i], m[i] - s)
    a[i] * u + ways[s == a[i]] - log_sum(sweep(outer(u, s), 2, ways, "+"))
  }))
}

# both arms, each study its own intercept, which a Newton iteration on the grid profiles out
fixed_studies <- function(log_lik, slope, curve, x, size, start) {
  alpha <- start
  function(p) {
    for (iteration in 1:60) {
      e1 <- outer(alpha + p[1] / 2, p[2] * Z / 2, "+")
      e2 <- outer(alpha - p[1] / 2, p[2] * Z / 2, "-")
      l <- sweep(log_lik(x[, 1], size[, 1], e1) + log_lik(x[, 2], size[, 2], e2), 2, Z_DENSITY, "+")
      total <- log_sum(l)
      w <- exp(l - total)
      s <- slope(x[, 1], size[, 1], e1) + slope(x[, 2], size[, 2], e2)
      g <- rowSums(w * s)
      h <- rowSums(w * (s^2 - curve(size[, 1], e1) - curve(size[, 2], e2))) - g^2
      if (max(abs(g^2 / h)) < 1e-22) break
      alpha <<- alpha - pmax(-1, pmin(1, g / h))
    }
    sum(total)
  }
}

binomial_parts <- list(
  log_lik = function(x, n, e) lchoose(n, x) + x * e + n * plogis(-e, log.p = TRUE),
  slope = function(x, n, e) x - n * plogis(e),
  curve = function(n, e) n * plogis(e) * plogis(-e))
poisson_parts <- list(
  log_lik = function(x, t, e) x * (log(t) + e) - t * exp(e) - lgamma(x + 1),
  slope = function(x, t, e) x - t * exp(e), curve = function(t, e) t * exp(e))

# both arms, intercepts normal: the two linear predictors are bivariate normal
random_studies <- function(log_lik, x, size) function(p) {
  mu <- p[1]; alpha <- p[2]; tau <- abs(p[3]); sigma <- abs(p[4])
  m <- c(alpha + mu, alpha)
  if (tau < 1e-4 || sigma < 1e-4) {
    # one of the two is no longer random
    treated <- if (sigma < 1e-4) tau / 2 else sigma
    control <- if (sigma < 1e-4) -tau / 2 else sigma
    l <- log_lik(x[, 1], size[, 1], outer(0 * x[, 1] + m[1], treated * Z, "+")) +
      log_lik(x[, 2], size[, 2], outer(0 * x[, 1] + m[2], control * Z, "+"))
    return(sum(log_sum(sweep(l, 2, Z_DENSITY, "+"))))
  }
  v <- sigma^2 + tau^2 / 4
  cov <- sigma^2 - tau^2 / 4
  det <- v^2 - cov^2
  sum(sapply(seq_len(nrow(x)), function(i) {
    axis <- lapply(1:2, function(j) {
      wide <- seq(m[j] - 12 * sqrt(v), m[j] + 12 * sqrt(v), length.out = 4001)
      l <- log_lik(x[i, j], size[i, j], wide) - (wide - m[j])^2 / (2 * v)
      range(wide[l > max(l) - 60])
    })
    g <- lapply(axis, function(r) seq(r[1], r[2], length.out = 301))
    quad <- outer(g[[1]] - m[1], g[[2]] - m[2], function(a, b)
      (v * a^2 - 2 * cov * a * b + v * b^2) / (2 * det))
    l <- outer(log_lik(x[i, 1], size[i, 1], g[[1]]), log_lik(x[i, 2], size[i, 2], g[[2]]), "+")
    l <- l - quad
    top <- max(l)
    step <- (g[[1]][2] - g[[1]][1]) * (g[[2]][2] - g[[2]][1])
    top + log(sum(exp(l - top)) * step) - log(2 * pi) - log(det) / 2
  }))
}

# parameters: mu first, tau second (third with random studies)
maximum <- function(log_likelihood, start, tau, exact_steps = 3) {
  f <- function(p) -log_likelihood(p)
  best <- NULL
  for (t in c(0.2, 0.6, 1.5)) {
    p <- start
    p[tau] <- t
    one <- nlminb(p, f, control = list(rel.tol = 1e-14, x.tol = 1e-10, iter.max = 500,
                                       eval.max = 2000))
    if (is.null(best) || one$objective < best$objective - 1e-9) best <- one
  }
  p <- best$par
  zero <- abs(p[tau]) < 1e-3
  if (zero) {
    fixed <- function(q) { full <- append(q, 0, tau - 1); f(full) }
    q <- p[-tau]
    if (length(q) == 1) q <- optimize(fixed, q + c(-1, 1), tol = 1e-12)$minimum
    for (i in 1:exact_steps) q <- q - solve(numDeriv::hessian(fixed, q), numDeriv::grad(fixed, q))
    h <- numDeriv::hessian(fixed, q)
    return(list(estimate = q[1], standard_error = sqrt(solve(h)[1, 1]), tau2 = 0,
                tau2_standard_error = NA, log_likelihood = -fixed(q),
                parameters = append(q, 0, tau - 1)))
  }
  for (i in 1:exact_steps) p <- p - solve(numDeriv::hessian(f, p), numDeriv::grad(f, p))
  v <- solve(numDeriv::hessian(f, p))
  list(estimate = p[1], standard_error = sqrt(v[1, 1]), tau2 = p[tau]^2,
       tau2_standard_error = 2 * abs(p[tau]) * sqrt(v[tau, tau]), log_likelihood = -f(p),
       parameters = abs(p) * ifelse(seq_along(p) > tau - 1, 1, sign(p)))
}

# --- metafor --------------------------------------------------------------------------------------

nodes <- function(model) if (model %in% c("UM.RS")) 1 else 51

said <- function(res) {
  predicted <- quietly(predict(res))
  list(estimate = as.numeric(res$b), standard_error = res$se, tau2 = res$tau2,
       interval = c(res$ci.lb, res$ci.ub), statistic = res$zval, p_value = res$pval,
       prediction_interval = c(predicted$pi.lb, predicted$pi.ub),
       wald_statistic = res$QE.Wld, likelihood_ratio_statistic = res$QE.LRT,
       likelihood_ratio_p_value = res$QEp.LRT, i2 = res$I2, h2 = res$H2,
       study_variance = res$sigma2, k = res$k)
}

glmm <- function(...) {
  res <- quietly(try(rma.glmm(...), silent = TRUE))
  if (inherits(res, "try-error")) NA else said(res)
}

# --- cases ----------------------------------------------------------------------------------------

cases <- list()
add <- function(name, case) cases[[name]] <<- case

proportion <- function(name, source, x, n) {
  keep <- !is.na(x) & !is.na(n)
  x <- x[keep]; n <- n[keep]
  start <- c(qlogis(sum(x) / sum(n)), 0.5)
  add(name, list(source = source, kind = "proportion", events = x, n = n,
                 metafor = glmm(measure = "PLO", xi = x, ni = n, nAGQ = 51, test = "t"),
                 metafor_z = glmm(measure = "PLO", xi = x, ni = n, nAGQ = 51),
                 brute_force = maximum(one_arm(binomial_kernel(x, n)), start, 2)))
}

rate <- function(name, source, x, t) {
  start <- c(log(sum(x) / sum(t)), 0.5)
  add(name, list(source = source, kind = "rate", events = x, person_time = t,
                 metafor = glmm(measure = "IRLN", xi = x, ti = t, nAGQ = 51, test = "t"),
                 brute_force = maximum(one_arm(poisson_kernel(x, t)), start, 2)))
}

odds <- function(name, source, a, n1, c, n2, models = c("UM.FS", "UM.RS", "CM.AL", "CM.EL"),
                 exact_by_metafor = TRUE) {
  keep <- !is.na(a + n1 + c + n2)
  a <- a[keep]; n1 <- n1[keep]; c <- c[keep]; n2 <- n2[keep]
  informs <- a + c > 0 & a + c < n1 + n2
  A <- a[informs]; N1 <- n1[informs]; C <- c[informs]; N2 <- n2[informs]
  pooled <- log(sum(A * (N2 - C) / (N1 + N2)) / sum(C * (N1 - A) / (N1 + N2)))
  level <- qlogis((A + C + 0.5) / (N1 + N2 + 1))
  x <- cbind(A, C); size <- cbind(N1, N2)
  for (model in models) {
    brute <- switch(model,
      UM.FS = maximum(do.call(fixed_studies,
                              c(binomial_parts, list(x = x, size = size, start = level))),
                      c(pooled, 0.5), 2),
      UM.RS = maximum(random_studies(binomial_parts$log_lik, x, size),
                      c(pooled, mean(level), 0.5, sd(level)), 3, exact_steps = 4),
      CM.AL = maximum(one_arm(binomial_kernel(A, A + C, log(N1 / N2))), c(pooled, 0.5), 2),
      CM.EL = maximum(one_arm(hypergeometric_kernel(A, N1, A + C, N2), Z[seq(1, length(Z), 5)]),
                      c(pooled, 0.5), 2))
    ours <- if (model == "CM.EL" && !exact_by_metafor) NA else
      glmm(measure = "OR", ai = a, n1i = n1, ci = c, n2i = n2, model = model, nAGQ = nodes(model),
           test = "t")
    add(paste(name, model), list(source = source, kind = "odds ratio", model = model,
        treated_events = a, treated_n = n1, control_events = c, control_n = n2, metafor = ours,
        brute_force = brute))
  }
}

rates <- function(name, source, x1, t1, x2, t2) {
  informs <- x1 + x2 > 0
  X1 <- x1[informs]; X2 <- x2[informs]; T1 <- t1[informs]; T2 <- t2[informs]
  pooled <- log(sum(X1) / sum(T1)) - log(sum(X2) / sum(T2))
  level <- log((X1 + X2) / (T1 + T2))
  x <- cbind(X1, X2); size <- cbind(T1, T2)
  for (model in c("UM.FS", "UM.RS", "CM.EL")) {
    brute <- switch(model,
      UM.FS = maximum(do.call(fixed_studies,
                              c(poisson_parts, list(x = x, size = size, start = level))),
                      c(pooled, 0.5), 2),
      UM.RS = maximum(random_studies(poisson_parts$log_lik, x, size),
                      c(pooled, mean(level), 0.5, sd(level)), 3, exact_steps = 4),
      CM.EL = maximum(one_arm(binomial_kernel(X1, X1 + X2, log(T1 / T2))), c(pooled, 0.5), 2))
    add(paste(name, model), list(source = source, kind = "rate ratio", model = model,
        treated_events = x1, treated_time = t1, control_events = x2, control_time = t2,
        metafor = glmm(measure = "IRR", x1i = x1, t1i = t1, x2i = x2, t2i = t2, model = model,
                       nAGQ = nodes(model), test = "t"),
        brute_force = brute))
  }
}

with(dat.pritz1997, proportion("pritz1997", "metadat dat.pritz1997", xi, ni))
with(dat.debruin2009, proportion("debruin2009", "metadat dat.debruin2009", xi, ni))
with(dat.hannum2020, proportion("hannum2020", "metadat dat.hannum2020", xi, ni))
with(dat.axfors2021, proportion("axfors2021 control", "metadat dat.axfors2021, control arms",
                                control_arm_event, control_arm_total))
with(dat.lee2004, proportion("lee2004 control", "metadat dat.lee2004, control arms", ci, n2i))
with(dat.bcg, proportion("bcg control", "metadat dat.bcg, control arms", cpos, cpos + cneg))
with(dat.hine1989, proportion("hine1989 treated", "metadat dat.hine1989, treated arms", ai, n1i))
with(dat.collins1985b, proportion("collins1985b control", "metadat dat.collins1985b, control arms",
                                  pre.xci, pre.nci))
with(dat.collins1985a, proportion("collins1985a deaths", "metadat dat.collins1985a, treated arms",
                                  d.xti, nti))
with(dat.graves2010, proportion("graves2010 treated", "metadat dat.graves2010, treated arms", ai,
                                n1i))
with(dat.hahn2001, proportion("hahn2001 control", "metadat dat.hahn2001, control arms", ci, n2i))
with(dat.damico2009, proportion("damico2009 treated", "metadat dat.damico2009, treated arms", xt,
                                nt))
with(dat.laopaiboon2015, proportion("laopaiboon2015 treated",
                                    "metadat dat.laopaiboon2015, treated arms", ai, n1i))
with(dat.dorn2007, proportion("dorn2007 placebo", "metadat dat.dorn2007, placebo arms", x.p, n.p))
with(dat.gurusamy2011[dat.gurusamy2011$treatment == "Control/Placebo", ],
     proportion("gurusamy2011 control", "metadat dat.gurusamy2011, control arms", death, n))
with(dat.hasselblad1998[dat.hasselblad1998$trt == "no_contact", ],
     proportion("hasselblad1998 no contact", "metadat dat.hasselblad1998, no contact", xi, ni))

with(dat.nielweise2008, rate("nielweise2008 treated", "metadat dat.nielweise2008, treated", x1i,
                             t1i))
with(dat.nielweise2008, rate("nielweise2008 control", "metadat dat.nielweise2008, control", x2i,
                             t2i))
with(dat.hart1999, rate("hart1999 warfarin", "metadat dat.hart1999, treated", x1i, t1i))
with(dat.hart1999, rate("hart1999 control", "metadat dat.hart1999, control", x2i, t2i))

with(dat.bcg, odds("bcg", "metadat dat.bcg", tpos, tpos + tneg, cpos, cpos + cneg))
with(dat.lee2004, odds("lee2004", "metadat dat.lee2004", ai, n1i, ci, n2i))
with(dat.nielweise2007, odds("nielweise2007", "metadat dat.nielweise2007", ai, n1i, ci, n2i))
with(dat.collins1985b, odds("collins1985b", "metadat dat.collins1985b", pre.xti, pre.nti, pre.xci,
                            pre.nci, exact_by_metafor = FALSE))
with(dat.hine1989, odds("hine1989", "metadat dat.hine1989", ai, n1i, ci, n2i,
                        models = c("UM.FS", "CM.AL", "CM.EL")))
with(dat.damico2009, odds("damico2009", "metadat dat.damico2009", xt, nt, xc, nc,
                          models = c("UM.FS", "CM.AL", "CM.EL"), exact_by_metafor = FALSE))
with(dat.yusuf1985[dat.yusuf1985$table == "6", ],
     odds("yusuf1985 table 6", "metadat dat.yusuf1985, table 6", ai, n1i, ci, n2i,
          models = c("UM.FS", "CM.AL", "CM.EL"), exact_by_metafor = FALSE))
with(dat.collins1985a, odds("collins1985a deaths", "metadat dat.collins1985a, deaths", d.xti, nti,
                            d.xci, nci, models = c("UM.FS", "CM.AL", "CM.EL"),
                            exact_by_metafor = FALSE))
with(dat.axfors2021, odds("axfors2021", "metadat dat.axfors2021", hcq_arm_event, hcq_arm_total,
                          control_arm_event, control_arm_total, models = c("UM.FS", "CM.AL"),
                          exact_by_metafor = FALSE))
with(dat.hahn2001, odds("hahn2001", "metadat dat.hahn2001", ai, n1i, ci, n2i,
                        models = c("UM.FS", "UM.RS", "CM.EL"), exact_by_metafor = FALSE))

with(dat.nielweise2008, rates("nielweise2008", "metadat dat.nielweise2008", x1i, t1i, x2i, t2i))
with(dat.hart1999, rates("hart1999", "metadat dat.hart1999", x1i, t1i, x2i, t2i))

as_json <- function(x) {
  if (is.list(x)) {
    items <- vapply(x, as_json, "")
    return(paste0("{", paste0("\"", names(x), "\": ", items, collapse = ",\n"), "}"))
  }
  items <- if (is.character(x)) paste0("\"", x, "\"") else
    ifelse(is.finite(x), sprintf("%.17g", x), "null")
  if (length(x) != 1) paste0("[", paste(items, collapse = ", "), "]") else items
}

versions <- list(R = as.character(getRversion()))
for (p in c("metafor", "metadat", "lme4", "BiasedUrn", "numDeriv"))
  versions[[p]] <- as.character(packageVersion(p))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
writeLines(as_json(list(made_with = versions, cases = cases)),
           file.path(here, "count_models.json"), useBytes = TRUE)
