# Does the tasks with metafor for metafor.py, which asks one line at a time; the start of R is not in
# any time.
#
#   Rscript metafor.R FOLDER            reads TASK.COLUMN.csv, a row per data set where there are many
#   warm CALL TASK FEW                  once, with the first FEW data sets where there are many
#   time CALL TASK REPEATS              answers seconds each
#   answers CALL TASK FILE              writes what the last time answered
#   on CALL TASK FEW ALIKE FILE         the same with every iteration driven on, the permutation test
#                                       with every arrangement of the first ALIKE studies

suppressPackageStartupMessages(library(metafor))
options(warn = -1) # what does not converge is counted
folder <- commandArgs(TRUE)[1]

data <- list()
for (file in list.files(folder, "[.]csv$")) {
  parts <- strsplit(file, ".", fixed = TRUE)[[1]]
  values <- unname(as.matrix(read.csv(file.path(folder, file), header = FALSE)))
  data[[parts[1]]][[parts[2]]] <- if (ncol(values) == 1) values[, 1] else values
}
few_of <- function(d, few) {
  if (!is.matrix(d$yi)) d else lapply(d, function(column) column[seq_len(few), ])
}

# control: nothing, so that metafor stops where it does by default, or what drives it on
on <- list(
  rma = list(threshold = 1e-12, maxiter = 10000),
  confint = list(tol = 1e-12, maxiter = 10000),
  mv = list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-15),
  glmm = list(glmerCtrl = list(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 1e5)))
)

pooled <- function(d, control, ...) {
  rma(d$yi, d$vi, method = "REML", test = "adhoc", control = control$rma, ...)
}
of_pooled <- function(found) {
  c(estimate = found$b[[1]], low = found$ci.lb, high = found$ci.ub, tau2 = found$tau2, q = found$QE,
    i2 = found$I2)
}
moderated <- function(d, control) pooled(d, control, mods = ~ d$moderator)
permuted <- function(d, ...) permutest(moderated(d, list()), progbar = FALSE, ...)
nested <- function(d, control) {
  effect <- seq_along(d$yi)
  rma.mv(d$yi, d$vi, random = ~ 1 | study / effect, data = list(study = d$study, effect = effect),
         test = "t", dfs = "contain", control = control$mv)
}
of_nested <- function(found) {
  c(estimate = found$b[[1]], low = found$ci.lb, high = found$ci.ub, between = found$sigma2[1],
    within = found$sigma2[2])
}

calls <- list(
  pool = list(run = pooled, read = of_pooled),
  pool_further = list(
    run = function(d, control) {
      found <- pooled(d, control)
      list(found, confint(found, control = control$confint), predict(found))
    },
    read = function(found) {
      tau2 <- found[[2]]$random[1, ]
      c(of_pooled(found[[1]]), tau2_low = tau2[["ci.lb"]], tau2_high = tau2[["ci.ub"]],
        prediction_low = found[[3]]$pi.lb, prediction_high = found[[3]]$pi.ub)
    }
  ),
  paule_mandel = list(
    run = function(d, control) {
      rma(d$yi, d$vi, method = "PM", test = "knha", control = control$confint)
    },
    read = of_pooled
  ),
  each = list(
    run = function(d, control) {
      # its iteration stops with an error on a few data sets
      one <- function(i) {
        tryCatch(of_pooled(pooled(list(yi = d$yi[i, ], vi = d$vi[i, ]), control)),
                 error = function(e) rep(NaN, 6))
      }
      vapply(seq_len(nrow(d$yi)), one, numeric(6))
    },
    read = function(found) as.data.frame(t(found))
  ),
  regression = list(
    run = moderated,
    read = function(found) {
      list(estimate = found$b[, 1], low = found$ci.lb, high = found$ci.ub, tau2 = found$tau2)
    }
  ),
  permutation = list(
    run = function(d, control) {
      if (is.null(control$alike)) permuted(d, iter = 1000)
      else permuted(lapply(d, head, control$alike), exact = TRUE)
    },
    read = function(found) list(p_value = found$pval)
  ),
  influence = list(
    run = function(d, control) influence(pooled(d, control)),
    read = function(found) {
      of <- found$inf
      list(rstudent = of$rstudent, dffits = of$dffits, cook = of$cook.d, covariance_ratio = of$cov.r,
           tau2 = of$tau2.del, q = of$QE.del, hat = of$hat, dfbetas = found$dfbs[[1]])
    }
  ),
  leave_one_out = list(
    run = function(d, control) leave1out(pooled(d, control)),
    read = function(found) {
      list(estimate = found$estimate, low = found$ci.lb, high = found$ci.ub, tau2 = found$tau2,
           q = found$Q)
    }
  ),
  proportions = list(
    run = function(d, control) {
      rma.glmm(xi = d$events, ni = d$patients, measure = "PLO", test = "t",
               nAGQ = if (length(control)) 51 else 7, control = control$glmm)
    },
    read = function(found) {
      c(estimate = found$b[[1]], low = found$ci.lb, high = found$ci.ub, tau2 = found$tau2)
    }
  ),
  three_level = list(run = nested, read = of_nested),
  three_level_intervals = list(
    run = function(d, control) {
      found <- nested(d, control)
      list(found, confint(found, control = control$confint))
    },
    read = function(found) {
      limits <- lapply(found[[2]][1:2], function(one) one$random[1, c("ci.lb", "ci.ub")])
      c(of_nested(found[[1]]), between_low = limits[[1]][[1]], between_high = limits[[1]][[2]],
        within_low = limits[[2]][[1]], within_high = limits[[2]][[2]])
    }
  )
)

last <- list()
seconds <- function(call, task, repeats) {
  d <- data[[task]]
  run <- calls[[call]]$run
  started <- as.numeric(Sys.time())
  for (r in seq_len(repeats)) found <- run(d, list())
  spent <- (as.numeric(Sys.time()) - started) / repeats
  last[[call]] <<- found
  format(spent, digits = 9)
}
write_numbers <- function(call, found, file) {
  columns <- as.data.frame(as.list(calls[[call]]$read(found)))
  write.csv(format(columns, digits = 17), file, quote = FALSE, row.names = FALSE)
}

answer <- function(text) {
  cat(text, "\n", sep = "")
  flush(stdout())
}
blas <- extSoftVersion()[["BLAS"]]
answer(paste0("metafor ", packageVersion("metafor"), " under R ", getRversion(), " (BLAS: ",
              basename(dirname(blas)), "/", basename(blas), ")"))
input <- file("stdin", "r")
while (length(line <- readLines(input, 1)) > 0) {
  words <- strsplit(line, " ")[[1]]
  call <- words[2]
  task <- words[3]
  if (words[1] == "warm") {
    calls[[call]]$run(few_of(data[[task]], as.integer(words[4])), list())
    answer("warm")
  } else if (words[1] == "time") {
    answer(seconds(call, task, as.integer(words[4])))
  } else if (words[1] == "answers") {
    write_numbers(call, last[[call]], words[4])
    answer("written")
  } else {
    few <- as.integer(words[4])
    found <- calls[[call]]$run(few_of(data[[task]], few), c(on, alike = as.integer(words[5])))
    write_numbers(call, found, words[6])
    answer("written")
  }
}
