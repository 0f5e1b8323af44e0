# Pins regressions on moderators, permutation tests and subgroups.  Rscript validation/metafor/regression.R
#
# Iterations run to the end of double precision, and likelihoods are climbed from several places: the
# highest is kept.

suppressPackageStartupMessages(library(metafor))
stopifnot(packageVersion("metafor") == "3.8.1", packageVersion("metadat") == "1.2.0")

methods <- c("REML", "ML", "DL", "PM", "EB", "SJ", "HE", "HS", "common")
tests <- c("z", "t", "knha", "adhoc")
quietly <- function(expression) suppressWarnings(suppressMessages(expression))
theirs <- function(method) if (method == "common") "EE" else method

control_for <- function(yi, vi, init = NULL, threshold = 1e-14) {
  spread <- max(sum((yi - mean(yi))^2), max(vi))
  values <- list(threshold = threshold * spread, maxiter = 5000, tol = 1e-300,
                 tau2.max = 1e9 * spread)
  if (!is.null(init)) values$tau2.init <- init
  values
}

# as near to the end of double precision as steps still become smaller
attempt <- function(yi, vi, X, method, test, level, init = NULL, ...) {
  for (threshold in c(1e-14, 1e-13, 1e-12)) {
    control <- control_for(yi, vi, init, threshold)
    res <- quietly(try(rma(yi, vi, mods = X, intercept = FALSE, method = theirs(method),
                           test = test, level = level, control = control, ...), silent = TRUE))
    if (!inherits(res, "try-error")) return(res)
  }
  NULL
}

starts_for <- function(yi, vi) list(NULL, 0, min(vi), var(yi), 4 * max(yi^2))

fit <- function(yi, vi, X, method, test, level = 95, ...) {
  if (method == "EB") {
    init <- attempt(yi, vi, X, "PM", test, level)$tau2
    return(attempt(yi, vi, X, "EB", test, level, init, ...))
  }
  if (!is.element(method, c("REML", "ML"))) return(attempt(yi, vi, X, method, test, level, ...))
  fits <- lapply(starts_for(yi, vi), function(init) attempt(yi, vi, X, method, test, level, init, ...))
  fits <- Filter(Negate(is.null), fits)
  fits[[which.max(sapply(fits, function(f) as.numeric(logLik(f))))]]
}

number <- function(x) if (is.null(x)) NA else as.numeric(x)
pair <- function(low, high) c(as.numeric(low), as.numeric(high))

# --- one model with every method and test -----------------------------------------------------------

model <- function(dat, source, formula, subset, level = 95, new = NULL) {
  columns <- all.vars(formula)
  for (one in columns) if (is.factor(dat[[one]])) dat[[one]] <- as.character(dat[[one]])
  keep <- complete.cases(dat[, c("yi", "vi", columns), drop = FALSE])
  used <- dat[keep, , drop = FALSE]
  yi <- as.numeric(used$yi)
  vi <- as.numeric(used$vi)
  X <- model.matrix(formula, used)
  btt <- grep(subset, colnames(X))
  blocks <- lapply(methods, function(method) {
    fits <- lapply(tests, function(test) {
      res <- fit(yi, vi, X, method, test, level, btt = if (colnames(X)[1] == "(Intercept)" &&
                   ncol(X) > 1) 2:ncol(X) else seq_len(ncol(X)))
      out <- list(test = test, se = res$se, omnibus = c(res$QM, res$QMp), variance_factor = res$s2w)
      if (is.element(method, c("REML", "DL", "common"))) {
        some <- anova(res, btt = btt)
        out <- c(out, list(pval = res$pval, low = res$ci.lb, high = res$ci.ub,
                           subset = c(some$QM, some$QMp)))
      }
      if (method == "REML" && !is.null(new)) {
        rows <- model.matrix(delete.response(terms(formula)), new,
                             xlev = lapply(Filter(is.character, used[, columns, drop = FALSE]),
                                           function(x) sort(unique(x))))
        at <- predict(res, newmods = unname(rows[, -1, drop = FALSE]))
        out$predicted <- list(estimate = at$pred, low = at$ci.lb, high = at$ci.ub,
                              prediction_low = at$pi.lb, prediction_high = at$pi.ub)
      }
      out
    })
    res <- fit(yi, vi, X, method, "z", level)
    named <- quietly(rma(yi, vi, mods = X[, -1, drop = FALSE], method = theirs(method),
                         control = control_for(yi, vi, if (method != "SJ") res$tau2)))
    block <- list(method = method, tau2 = res$tau2, se_tau2 = number(res$se.tau2), i2 = res$I2,
                  h2 = res$H2, r2 = number(named$R2), estimate = as.numeric(res$beta), tests = fits)
    if (is.element(method, c("REML", "ML"))) {
      # R2 is of the tau2 of both, each at its highest maximum
      alone <- fit(yi, vi, cbind(rep(1, length(yi))), method, "z", level)$tau2
      block$r2 <- if (alone == 0) 0 else max(0, 100 * (alone - res$tau2) / alone)
    }
    block
  })
  res <- fit(yi, vi, X, "REML", "z", level)
  bounds <- quietly(confint(res, control = control_for(yi, vi)))$random
  given <- lapply(columns, function(one) {
    x <- dat[[one]]
    if (is.character(x)) x else as.numeric(x)
  })
  names(given) <- columns
  out <- list(
    source = paste("metadat", source), formula = paste(deparse(formula), collapse = " "),
    subset = subset, level = level / 100, yi = as.numeric(dat$yi), vi = as.numeric(dat$vi),
    moderators = given, columns = gsub("(Intercept)", "intercept", colnames(X), fixed = TRUE),
    q = res$QE, q_p_value = res$QEp, residuals = as.numeric(resid(res)),
    tau2_interval = pair(bounds["tau^2", "ci.lb"], bounds["tau^2", "ci.ub"]),
    i2_interval = pair(bounds["I^2(%)", "ci.lb"], bounds["I^2(%)", "ci.ub"]),
    h2_interval = pair(bounds["H^2", "ci.lb"], bounds["H^2", "ci.ub"]), methods = blocks
  )
  if (!is.null(new)) out$new <- as.list(new)
  out
}

some <- function(data, ..., columns = list()) {
  shown <- match.call(expand.dots = FALSE)$...
  if (length(shown)) data <- eval(as.call(c(list(quote(escalc)), shown, list(data = data))))
  as.data.frame(data)
}

bcg <- some(dat.bcg, "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg)
baskerville <- within(dat.baskerville2012, {
  yi <- smd
  vi <- se^2
})
pignon <- within(dat.pignon2000, {
  yi <- OmE / V
  vi <- 1 / V
  grp <- paste0("g", grp)
})
vanhowe <- some(dat.vanhowe1999, "OR", ai = cir.pos, bi = cir.neg, ci = non.pos, di = non.neg)
vanhowe <- vanhowe[!is.na(vanhowe$yi), ]
vanhowe$category <- as.character(vanhowe$category)
linde <- some(dat.linde2005, "RR", ai = ai, n1i = n1i, ci = ci, n2i = n2i)
mcdaniel <- some(dat.mcdaniel1994, "ZCOR", ri = ri, ni = ni)
mcdaniel <- mcdaniel[!is.na(mcdaniel$struct) & mcdaniel$type != "p", ][1:60, ]
kalaian <- as.data.frame(dat.kalaian1996)
knapp <- as.data.frame(dat.knapp2017)
anand <- some(dat.anand1999, "OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i)

models <- list(
  "bcg, latitude and year" = model(bcg, "dat.bcg", ~ ablat + year, "ablat",
    new = data.frame(ablat = c(10, 33.5, 60), year = c(1950, 1969, 1980))),
  "bcg, allocation" = model(bcg, "dat.bcg", ~ alloc + ablat, "alloc", level = 90,
    new = data.frame(alloc = c("random", "alternate"), ablat = c(20, 40))),
  "bcg, interaction" = model(bcg, "dat.bcg", ~ alloc * ablat, ":"),
  "bcg, square" = model(bcg, "dat.bcg", ~ ablat + I(ablat^2), "ablat"),
  "bcg, no intercept" = model(bcg, "dat.bcg", ~ 0 + alloc, "random"),
  "bangertdrowns2004, missing" = model(as.data.frame(dat.bangertdrowns2004),
    "dat.bangertdrowns2004", ~ length + feedback + info, "feedback|info"),
  "baskerville2012" = model(baskerville, "dat.baskerville2012", ~ score + design, "design",
    new = data.frame(score = c(6, 9), design = c("rct", "cct"))),
  "raudenbush1985" = model(as.data.frame(dat.raudenbush1985), "dat.raudenbush1985",
    ~ weeks + setting, "weeks", new = data.frame(weeks = c(0, 3), setting = c("group", "indiv"))),
  "hackshaw1998" = model(as.data.frame(dat.hackshaw1998), "dat.hackshaw1998", ~ year + design,
    "year"),
  "linde2005, missing" = model(linde, "dat.linde2005", ~ baseline + duration, "baseline"),
  "knapp2017" = model(knapp, "dat.knapp2017", ~ difficulty + year, "difficulty"),
  "mcdaniel1994" = model(mcdaniel, "dat.mcdaniel1994", ~ struct + ni, "struct"),
  "lau1992" = model(some(dat.lau1992, "OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i), "dat.lau1992",
    ~ year, "year", new = data.frame(year = c(1960, 1990))),
  "molloy2014" = model(some(dat.molloy2014, "ZCOR", ri = ri, ni = ni), "dat.molloy2014",
    ~ quality + controls + meanage, "controls"),
  "damico2009" = model(some(dat.damico2009, "OR", ai = xt, n1i = nt, ci = xc, n2i = nc),
    "dat.damico2009", ~ conceal + blind, "blind"),
  "vanhowe1999" = model(vanhowe, "dat.vanhowe1999", ~ category, "category"),
  "viechtbauer2021" = model(some(dat.viechtbauer2021, "OR", ai = xTi, n1i = nTi, ci = xCi,
    n2i = nCi), "dat.viechtbauer2021", ~ dose, "dose", new = data.frame(dose = c(50, 250))),
  "nielweise2007" = model(some(dat.nielweise2007, "OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i),
    "dat.nielweise2007", ~ year, "year"),
  "laopaiboon2015" = model(some(dat.laopaiboon2015, "RR", ai = ai, n1i = n1i, ci = ci, n2i = n2i),
    "dat.laopaiboon2015", ~ age + year, "age"),
  "pignon2000" = model(pignon, "dat.pignon2000", ~ grp, "grp"),
  "riley2003" = model(as.data.frame(dat.riley2003), "dat.riley2003", ~ outcome, "outcome"),
  "michael2013" = model(as.data.frame(dat.michael2013), "dat.michael2013", ~ Medium, "Medium"),
  "anand1999" = model(anand, "dat.anand1999", ~ intensity + year, "intensity"),
  "hine1989, one study less than exact" = model(
    some(dat.hine1989, "RD", n1i = n1i, n2i = n2i, ai = ai, ci = ci)[1:4, ], "dat.hine1989",
    ~ n1i + n2i, "n1i")
)

# --- permutation tests ------------------------------------------------------------------------------

# permutest keeps what Fisher scoring reaches from the Hedges estimate. Here every arrangement is
# also fitted from several starts: `highest` holds P by the highest maxima.
arranged <- function(yi, vi, X, method, test, arrangement) {
  if (ncol(X) == 1) fit(as.numeric(arrangement) * yi, vi, X, method, test)
  else fit(yi, vi, X[arrangement, , drop = FALSE], method, test, btt = 2:ncol(X))
}

# handing rows to studies: one way of each kind, where rows are alike
orders <- function(X) {
  key <- apply(X, 1, paste, collapse = " ")
  all <- function(left) {
    if (length(left) == 1) return(list(left))
    first <- which(!duplicated(key[left]))
    unlist(lapply(first, function(i)
      lapply(all(left[-i]), function(rest) c(left[i], rest))), recursive = FALSE)
  }
  all(seq_along(key))
}

share <- function(found, of) {
  c(mean(abs(found) >= abs(of) - 1.5e-8 * pmax(1, abs(of))))
}

permuted <- function(dat, source, formula, method, test) {
  yi <- as.numeric(dat$yi)
  vi <- as.numeric(dat$vi)
  X <- model.matrix(formula, dat)
  alone <- ncol(X) == 1
  btt <- if (alone) 1 else 2:ncol(X)
  ways <- if (alone) asplit(as.matrix(expand.grid(rep(list(c(1, -1)), length(yi)))), 1)
    else orders(X)
  res <- fit(yi, vi, X, method, test, btt = btt)
  fits <- lapply(ways, function(way) arranged(yi, vi, X, method, test, way))
  z <- sapply(fits, function(f) f$zval)
  z <- matrix(z, nrow = ncol(X))
  highest <- c(sapply(seq_len(ncol(X)), function(j) share(z[j, ], res$zval[j])),
               share(sapply(fits, function(f) f$QM), res$QM))
  plain <- attempt(yi, vi, X, method, test, 95, btt = btt)
  reached <- NA
  if (!is.null(plain) && abs(plain$tau2 - res$tau2) < 1e-9) {
    if (alone) plain <- quietly(rma(yi, vi, method = theirs(method), test = test,
                                    control = control_for(yi, vi)))
    test_of <- quietly(permutest(plain, exact = TRUE, progbar = FALSE))
    reached <- c(test_of$pval, test_of$QMp)
  }
  columns <- all.vars(formula)
  given <- lapply(columns, function(one) {
    x <- dat[[one]]
    if (is.factor(x) || is.character(x)) as.character(x) else as.numeric(x)
  })
  names(given) <- columns
  list(source = paste("metadat", source), method = method, test = test, yi = yi, vi = vi,
       moderators = if (length(given)) given else NA, arrangements = length(ways),
       highest = highest, permutest = reached)
}

hine <- some(dat.hine1989, "RD", n1i = n1i, n2i = n2i, ai = ai, ci = ci)
cannon <- some(dat.cannon2006, "OR", ai = ep1t, n1i = nt, ci = ep1c, n2i = nc)
hart <- some(dat.hart1999, "IRR", x1i = x1i, t1i = t1i, x2i = x2i, t2i = t2i)
niel <- some(dat.nielweise2008, "IRR", x1i = x1i, t1i = t1i, x2i = x2i, t2i = t2i)
niel$late <- ifelse(niel$study > 5, "late", "early")
bonett <- some(dat.bonett2010, "ABT", ai = ai, mi = mi, ni = ni)
collins <- some(dat.collins1985b, "OR", ai = pre.xti, n1i = pre.nti, ci = pre.xci, n2i = pre.nci)

grid <- function(name, dat, formula, methods, tests) {
  found <- list()
  for (method in methods) for (test in tests) {
    label <- paste(name, method, test, sep = ", ")
    found[[label]] <- permuted(dat, name, formula, method, test)
  }
  found
}

moments <- setdiff(methods, "EB")
permutations <- c(
  grid("dat.hine1989", hine, ~ 1, moments, c("z", "knha", "adhoc")),
  grid("dat.cannon2006", cannon, ~ 1, c("REML", "DL"), c("z", "knha")),
  grid("dat.nielweise2008", niel[1:7, ], ~ 1, c("REML", "ML", "PM"), c("z", "adhoc")),
  grid("dat.collins1985b", collins, ~ 1, "DL", c("z", "knha")),
  grid("dat.hart1999", hart[1:5, ], ~ year, moments, c("z", "knha")),
  grid("dat.nielweise2008", niel, ~ late, c("REML", "DL", "SJ"), c("z", "knha")),
  grid("dat.bonett2010", bonett, ~ caregivers, c("REML", "PM", "HE"), c("z", "knha")),
  grid("dat.bcg", bcg[1:5, ], ~ ablat + year, c("REML", "ML", "DL"), "adhoc"),
  grid("dat.hart1999", hart, ~ compgrp + prevtype, c("DL", "HS", "common"), "knha")
)

# --- subgroups --------------------------------------------------------------------------------------

divided <- function(dat, source, group, method, test) {
  dat <- dat[!is.na(dat$yi) & !is.na(dat$vi), ]
  of <- as.character(dat[[group]])
  levels <- sort(unique(of))
  yi <- as.numeric(dat$yi)
  vi <- as.numeric(dat$vi)
  one <- function(level) {
    rows <- of == level
    fit(yi[rows], vi[rows], cbind(rep(1, sum(rows))), method, test)
  }
  fits <- lapply(levels, one)
  estimate <- sapply(fits, function(f) as.numeric(f$beta))
  se <- sapply(fits, function(f) f$se)
  apart <- rma(estimate, se^2, mods = ~ levels, method = "FE")
  X <- model.matrix(~ 0 + of)
  shared <- fit(yi, vi, X, method, test)
  between <- fit(yi, vi, model.matrix(~ of), method, test, btt = seq_along(levels)[-1])
  list(source = paste("metadat", source), method = method, test = test, groups = of, yi = yi,
       vi = vi, levels = levels, estimate = estimate, se = se,
       tau2 = sapply(fits, function(f) f$tau2), between = c(apart$QM, apart$QMp),
       shared_estimate = as.numeric(shared$beta), shared_se = shared$se,
       shared_low = shared$ci.lb, shared_high = shared$ci.ub, shared_p = shared$pval,
       shared_tau2 = shared$tau2, shared_between = c(between$QM, between$QMp))
}

subgroups <- list()
for (method in c("REML", "DL", "SJ", "common")) for (test in c("z", "adhoc")) {
  label <- function(name) paste(name, method, test, sep = ", ")
  subgroups[[label("bcg")]] <- divided(bcg, "dat.bcg", "alloc", method, test)
  subgroups[[label("vanhowe1999")]] <- divided(vanhowe, "dat.vanhowe1999", "category", method, test)
  subgroups[[label("riley2003")]] <- divided(as.data.frame(dat.riley2003), "dat.riley2003",
                                             "outcome", method, test)
}

# --- JSON: what goes in with the 17 digits that name a double, what comes out with 15 ---------------

as_json <- function(x, digits = 15) {
  if (is.list(x)) {
    if (is.null(names(x))) return(paste0("[", paste(sapply(x, as_json, digits), collapse = ","), "]"))
    given <- is.element(names(x), c("yi", "vi", "moderators", "new"))
    items <- mapply(as_json, x, ifelse(given, 17, digits))
    return(paste0("{", paste0("\"", names(x), "\":", items, collapse = ",\n"), "}"))
  }
  items <- if (is.character(x)) ifelse(is.na(x), "null", paste0("\"", x, "\""))
    else ifelse(is.finite(x), sprintf("%.*g", as.integer(digits), x), "null")
  if (length(x) != 1) paste0("[", paste(items, collapse = ","), "]") else items
}

made_with <- list(R = paste(R.version$major, R.version$minor, sep = "."),
                  metafor = as.character(packageVersion("metafor")),
                  metadat = as.character(packageVersion("metadat")))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
pin <- function(name, ...) {
  writeLines(as_json(list(made_with = made_with, ...)), file.path(here, name), useBytes = TRUE)
}
pin("regression.json", models = models)
pin("permutation.json", permutations = permutations, subgroups = subgroups)
