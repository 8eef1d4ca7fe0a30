# Written by dip from the settings `opsclients.agent` of this node. Changes here are undone.
# How Cinc or Chef Infra Client runs here, and what dip reads of a run: one JSON object in each line. Its formatters are written
# for people, and mix their lines with those of what they run.
require "json"

chef_license "accept-silent"
chef_repo_path "/etc/dip/cinc"
cache_path "/var/cache/dip/cinc"

changes = failures = 0
begun = {}
completed = false
refusal = nil

tell = lambda do |event, what, words = ""|
  words = words.to_s.dup.force_encoding("UTF-8").scrub.strip
  # A line of its own, whatever was printed before.
  $stdout.write("\n#{{ "event" => event, "what" => what, "words" => words }.to_json}\n")
  $stdout.flush
end

Chef.event_handler do
  # Attributes of former runs are kept with the node: what the site does not say any more is not to stay.
  on(:node_load_success) { |node| node.rm_normal("dip") }

  on(:resource_action_start) { |resource, action, *| begun[resource.object_id] = [action, changes, failures] }

  # The action that comes with it is none.
  on :resource_update_applied do |resource, *|
    action, = begun[resource.object_id]
    changes += 1
    tell.call("changed", "#{resource} action #{action}")
  end

  # Of resources within others, only those that did something themselves are told.
  on :resource_updated do |resource, action|
    _, before, = begun[resource.object_id]
    tell.call("changed", "#{resource} action #{action}") if before == changes
  end

  on :resource_failed do |resource, action, exception|
    _, _, before = begun[resource.object_id]
    if before == failures && !resource.ignore_failure
      failures += 1
      tell.call("failed", "#{resource} action #{action}", exception.message)
    end
  end

  # The words of the error itself are "412 Precondition Failed"; those that help are in the answer.
  on :cookbook_resolution_failed do |_, exception|
    refusal = Array(JSON.parse(exception.response.body)["error"]).join("; ") if exception.respond_to?(:response)
  end

  on :run_completed do |*|
    completed = true
    tell.call("completed", "")
  end

  on :run_failed do |exception, *|
    # A reboot that a recipe asks for ends a run like an error.
    if [Chef::Exceptions::Reboot, Chef::Exceptions::RebootPending].include?(exception.class)
      tell.call("completed", "")
    else
      tell.call(completed ? "failed" : "stopped", exception.class.name, refusal || exception.message)
    end
  end
end
