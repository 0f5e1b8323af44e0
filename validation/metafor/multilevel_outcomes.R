# The multivariate part of multilevel.R, which sources it.

structures <- c("unstructured" = "UN", "compound symmetry" = "CS",
                "heterogeneous compound symmetry" = "HCS", "diagonal" = "DIAG")

# the covariance as a sum of parameters times parts, or NULL where it is not or is at its bound
linear_parts <- function(name, Z, S, T) {
  q <- ncol(Z)
  unit <- function(i, j) {
    E <- matrix(0, q, q)
    E[i, j] <- E[j, i] <- 1
    (Z %*% E %*% t(Z)) * S
  }
  pairs <- which(upper.tri(T), arr.ind = TRUE)
  R <- cov2cor(T)
  inside <- all(is.finite(R)) && min(eigen(R)$values) > 1e-5
  if (!inside) return(NULL)
  if (name == "diagonal") return(list(parts = lapply(1:q, function(i) unit(i, i)), theta = diag(T)))
  if (name == "unstructured" || (name == "heterogeneous compound symmetry" && q == 2)) {
    return(list(parts = c(lapply(1:q, function(i) unit(i, i)),
                          lapply(seq_len(nrow(pairs)), function(r) unit(pairs[r, 1], pairs[r, 2]))),
                theta = c(diag(T), T[pairs])))
  }
  if (name == "compound symmetry") {
    off <- (Z %*% (1 - diag(q)) %*% t(Z)) * S
    return(list(parts = list((Z %*% t(Z)) * S, off), theta = c(T[1, 1], T[1, 2])))
  }
  NULL
}

back_to_metafor <- function(name, theta, q) {
  if (name == "diagonal") return(list(tau2 = theta))
  if (name == "compound symmetry") return(list(tau2 = theta[1], rho = theta[2] / theta[1]))
  T <- diag(theta[1:q])
  pairs <- which(upper.tri(T), arr.ind = TRUE)
  T[pairs] <- theta[-(1:q)]
  T <- T + t(T) - diag(diag(T))
  R <- cov2cor(T)
  # metafor takes correlations column by column below the diagonal
  list(tau2 = theta[1:q], rho = R[lower.tri(R)])
}

multivariate <- function(dat, V, name, method, mods = character(), intervals = FALSE) {
  q <- nlevels(dat$outcome)
  formula <- reformulate(c("outcome", mods, "-1"))
  run <- function(...) rma.mv(yi, V, mods = formula, random = ~ outcome | study, data = dat,
                              struct = structures[[name]], method = method, ...)
  best <- climb(function(control) run(control = control))
  Z <- model.matrix(~ outcome - 1, dat)
  X <- cbind(Z, as.matrix(dat[mods]))
  S <- outer(dat$study, dat$study, "==") + 0
  linear <- linear_parts(name, Z, S, best$G)
  fit <- best
  held <- function(...) run(control = c(optimisers[[2]], starts_of(best)), ...)
  # where a maximum at a bound draws Newton's method over it, metafor's own digits have to do
  theta <- if (!is.null(linear)) try(polish(best, V, X, linear$parts, linear$theta,
                                            rep(TRUE, length(linear$theta))), silent = TRUE)
  exact <- list(tau2 = best$tau2, rho = if (name != "diagonal") best$rho)
  if (is.numeric(theta)) exact <- back_to_metafor(name, theta, q)
  held <- function(...) do.call(run, c(exact[!sapply(exact, is.null)], list(...)))
  fit <- quietly(try(held(), silent = TRUE))
  polished <- is.numeric(theta) && !inherits(fit, "try-error") &&
    as.numeric(logLik(fit)) >= as.numeric(logLik(best)) - 1e-9
  if (!polished) fit <- best
  out <- list(
    structure = name, method = method, moderators = mods, exact = polished,
    estimate = as.numeric(fit$beta), covariance = as.numeric(fit$vb), between = as.numeric(fit$G),
    own_log_likelihood = as.numeric(logLik(best)), log_likelihood = as.numeric(logLik(fit)),
    criteria = criteria_of(best), q = c(fit$QE, fit$QEp)
  )
  if (polished) out$tests <- tests_of(held, method)
  if (intervals) {
    out$variance_intervals <- lapply(seq_along(best$tau2), function(i) {
      limits(run, tau2 = i)
    })
    if (name != "diagonal") out$correlation_intervals <- lapply(seq_along(best$rho), function(i) {
      limits(run, rho = i)
    })
  }
  if (method == "REML" && polished) {
    held_fit <- quietly(held())
    out$robust <- robust_of(held_fit, dat$study, seq_len(ncol(X)))
    out$robust_plain <- plain_of(held_fit, dat$study)
    effects <- ranef(quietly(held(test = "t", dfs = "contain")))[[1]]
    out$random_effects <- list(names = trimws(rownames(effects)), estimate = effects$intrcpt,
                               standard_error = effects$se)
    out$contrast <- {
      C <- rbind(c(1, -1, rep(0, ncol(X) - 2)))
      a <- anova(held_fit, X = C)
      c(a$Xb, a$se, a$zval, a$pval)
    }
  }
  out
}

several <- function(dat, V, source, plan, mods = character(), extra = list()) {
  message(source, ": ", nrow(dat), " effects")
  dat$study <- as.integer(factor(dat$study, unique(dat$study)))
  fits <- lapply(plan, function(one) do.call(multivariate, c(list(dat, V), one)))
  blocks <- lapply(split(seq_len(nrow(dat)), dat$study),
                   function(rows) as.numeric(V[rows, rows]))
  data <- c(list(yi = as.numeric(dat$yi), study = dat$study,
                 outcome = as.character(dat$outcome)),
            lapply(setNames(mods, mods), function(name) as.numeric(dat[[name]])), extra)
  list(source = source, data = data, outcomes = levels(dat$outcome), blocks = unname(blocks),
       fits = fits)
}

grid <- function(names = names(structures), methods = c("REML", "ML"), intervals = TRUE) {
  plan <- list()
  for (name in names) for (method in methods) {
    plan[[length(plan) + 1]] <- list(name, method, intervals = intervals && method == "REML")
  }
  plan
}

berkey <- within(dat.berkey1998, {
  study <- trial
  outcome <- factor(outcome, c("PD", "AL"))
  year_PD <- (year - 1983) * (outcome == "PD")
  year_AL <- (year - 1983) * (outcome == "AL")
})
V_berkey <- vcalc(vi = 1, cluster = study, rvars = c(v1i, v2i), data = berkey)

kalaian <- within(dat.kalaian1996, outcome <- factor(outcome))
kalaian <- kalaian[complete.cases(kalaian[c("yi", "vi", "hrs")]), ]
kalaian <- kalaian[order(match(kalaian$study, unique(kalaian$study))), ]
kalaian$log_hours <- log(kalaian$hrs) - mean(log(kalaian$hrs))
kalaian$hours_math <- kalaian$log_hours * (kalaian$outcome == "math")
kalaian$hours_verbal <- kalaian$log_hours * (kalaian$outcome == "verbal")
V_kalaian <- vcalc(vi, cluster = study, type = outcome, data = kalaian, rho = 0.66)

ishak <- reshape(dat.ishak2007, direction = "long", idvar = "study", v.names = c("yi", "vi"),
                 varying = list(c(2, 4, 6, 8), c(3, 5, 7, 9)))
ishak <- ishak[order(ishak$study, ishak$time), ]
ishak <- ishak[!is.na(ishak$yi), ]
ishak$outcome <- factor(paste0("time", ishak$time))
V_ishak <- vcalc(vi, cluster = study, time1 = time, phi = 0.97, data = ishak)

riley <- within(dat.riley2003, outcome <- factor(outcome))
V_riley <- vcalc(vi, cluster = study, type = outcome, data = riley, rho = 0.5)

kearon <- to.long("OR", ai = tp, n1i = np, ci = tn, n2i = nn, data = dat.kearon1998,
                  subset = patients == "asymptomatic")
kearon <- escalc("PLO", xi = out1, mi = out2, data = kearon, add = 1/2, to = "all")
kearon$outcome <- factor(ifelse(kearon$group == "1", "sensitivity", "specificity"))

colditz <- to.long("OR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.colditz1994)
colditz <- escalc("PLO", xi = out1, mi = out2, data = colditz)
colditz$study <- colditz$trial
colditz$outcome <- factor(ifelse(colditz$group == "1", "vaccinated", "control"))
colditz$north_vaccinated <- (colditz$ablat - 33) * (colditz$outcome == "vaccinated")
colditz$north_control <- (colditz$ablat - 33) * (colditz$outcome == "control")

fine <- dat.fine1993
died <- function(x, arm, i) x[[paste0(arm, i, "i")]]
for (i in 1:4) {
  odds <- escalc("OR", ai = died(fine, "e", i), n1i = fine$nei, ci = died(fine, "c", i),
                 n2i = fine$nci, add = 1/2, to = "only0")
  fine[c(paste0("y", i), paste0("v", i))] <- odds
}
between_times <- function(x, i, j) {
  x$nei / (died(x, "e", i) * (x$nei - died(x, "e", j))) +
    x$nci / (died(x, "c", i) * (x$nci - died(x, "c", j)))
}
fine <- fine[complete.cases(fine) & fine$e3i > 0 & fine$c3i > 0, ]
fine_long <- data.frame(study = rep(fine$study, each = 3), time = 1:3,
  yi = c(t(fine[c("y1", "y2", "y3")])), vi = c(t(fine[c("v1", "v2", "v3")])))
fine_long$outcome <- factor(paste0("month", 6 * fine_long$time))
fine_long$outcome <- factor(fine_long$outcome, c("month6", "month12", "month18"))
V_fine <- bldiag(lapply(split(fine, fine$study), function(x) {
  B <- diag(c(x$v1, x$v2, x$v3))
  for (i in 1:2) for (j in (i + 1):3) B[i, j] <- B[j, i] <- between_times(x, i, j)
  0.98 * B + 0.02 * diag(diag(B))
}))

with_mods <- function(name, mods) list(list(name, "REML", mods), list(name, "ML", mods))
multivariates <- list(
  berkey1998 = several(berkey, V_berkey, "metadat dat.berkey1998, mean difference",
    c(grid(names(structures)), with_mods("unstructured", c("year_PD", "year_AL"))),
    c("year_PD", "year_AL")),
  kalaian1996 = several(kalaian, V_kalaian,
    "metadat dat.kalaian1996, SMD, assumed correlation 0.66",
    c(grid(names(structures)), with_mods("diagonal", c("hours_math", "hours_verbal"))),
    c("hours_math", "hours_verbal"), list(vi = as.numeric(kalaian$vi))),
  ishak2007 = several(ishak, V_ishak,
    "metadat dat.ishak2007, mean difference, AR(1) errors of 0.97",
    grid(names(structures), intervals = FALSE),
    extra = list(vi = as.numeric(ishak$vi), time = ishak$time)),
  riley2003 = several(riley, V_riley,
    "metadat dat.riley2003, log hazard ratio, assumed correlation 0.5",
    grid(names(structures)), extra = list(vi = as.numeric(riley$vi))),
  kearon1998 = several(kearon, diag(as.numeric(kearon$vi)),
    "metadat dat.kearon1998, logit sensitivity and specificity",
    grid(names(structures))),
  colditz1994 = several(colditz, diag(as.numeric(colditz$vi)),
    "metadat dat.colditz1994, log odds by arm",
    c(grid(names(structures)), with_mods("unstructured", c("north_vaccinated", "north_control"))),
    c("north_vaccinated", "north_control")),
  fine1993 = several(fine_long, V_fine,
    paste("metadat dat.fine1993, log odds ratio of death by 6, 12 and 18 months,",
          "covariances of Trikalinos and Olkin shrunk by 0.02"),
    grid(names(structures), intervals = FALSE))
)
